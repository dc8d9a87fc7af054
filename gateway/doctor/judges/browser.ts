/** What browsers are strict about: cookies that are dropped, and plain HTTP on a page of HTTPS. Pure. */
import { isLoopback } from '../../config/local-address.ts'
import type { RouteFacts } from '../facts.ts'
import { fail, inApp, onRoute, pass, type Remedy, skip, type Verdict, warn } from '../findings.ts'
import { fieldsOf, isAnswer } from '../seen.ts'
import { trustLine } from './advice.ts'
import { forwardingLine, plainAddressShown } from './trust.ts'

interface Cookie {
  readonly name: string
  /** By names in lower case. */
  readonly attributes: Readonly<Record<string, string>>
}

export function judgeCookies(facts: RouteFacts): Verdict {
  const { through, door } = facts
  if (through === null || door === null) return skip('not asked')
  const answers = [...through.hops.map(({ answer }) => answer), ...(isAnswer(through.last) ? [through.last] : [])]
  const cookies = answers.flatMap(answer => fieldsOf(answer, 'set-cookie')).map(readCookie)
  if (cookies.length === 0) return skip('its front page sets none')
  const faults = cookies.flatMap(cookie => cookieFault(cookie, facts) ?? [])
  const worst = faults.find(({ status }) => status === 'fail') ?? faults[0]
  return worst ?? pass(`browsers keep ${cookies.map(({ name }) => name).join(', ')}`)
}

/** RFC 6265bis §5.6, as far as browsers drop what they get. */
function cookieFault({ name, attributes }: Cookie, { door, route }: RouteFacts): Verdict | null {
  if (door === null) return null
  const isSecure = attributes['secure'] !== undefined
  const app = (line: string) => inApp('its setting of cookies', line)
  const domain = attributes['domain']?.replace(/^\./, '').toLowerCase()
  if (domain !== undefined && domain !== '' && door.name !== domain && !door.name.endsWith(`.${domain}`))
    return fail(`the cookie ${name} is for ${domain}, so browsers drop it at ${door.name}`, app(`Domain=${door.name}`))
  if (attributes['samesite']?.toLowerCase() === 'none' && !isSecure)
    return fail(`the cookie ${name} is SameSite=None without Secure, so browsers drop it`, app('SameSite=Lax'))
  const mount = route.match.path.replace(/\/+$/, '')
  const path = attributes['path'] ?? '/'
  if (!`${mount}/`.startsWith(path) && !path.startsWith(`${mount}/`))
    return fail(`the cookie ${name} is for ${path}, so browsers do not send it to ${mount}/`, app(`Path=${mount}/`))
  if (door.scheme === 'http' && isSecure && !isLoopback(door.name))
    return fail(`the cookie ${name} is Secure, so browsers drop it over http: nobody stays signed in`, {
      ...{ where: 'route', file: 'listen' },
      line: 'tls: { cert: FILE, key: FILE }',
    })
  if (door.scheme === 'https' && !isSecure)
    return warn(`the cookie ${name} is not Secure: it would go out over http, too`, app('Secure'))
  return null
}

function readCookie(text: string): Cookie {
  const [pair = '', ...rest] = text.split(';')
  const attributes = rest.map(part => {
    const [name = '', ...value] = part.split('=')
    return [name.trim().toLowerCase(), value.join('=').trim()] as const
  })
  return { name: pair.split('=', 1)[0]?.trim() ?? '', attributes: Object.fromEntries(attributes) }
}

export function judgeMixedContent(facts: RouteFacts): Verdict {
  const { door, through, page } = facts
  if (door === null || through === null) return skip('not asked')
  if (door.scheme === 'http') return skip('the gateway listens without TLS, where nothing can be mixed')
  const own = plainAddressShown(facts)
  if (own !== null) return fail(`${own}: browsers block it on a page of https`, ownRemedy(facts))
  const foreign = page?.resources.find(({ url }) => url.startsWith('http:'))
  if (foreign !== undefined)
    return fail(
      `its page loads ${foreign.url}: browsers block it on a page of https`,
      inApp('its page', foreign.url.replace(/^http:/, 'https:')),
    )
  return page === null ? skip('it shows no page') : pass('its page loads nothing over plain http')
}

/** An app that is told nothing of https cannot know. */
function ownRemedy(facts: RouteFacts): Remedy {
  const proto = facts.expected?.forwarding.find(([name]) => name === 'x-forwarded-proto')?.[1]
  if (proto === undefined) return onRoute(facts.route, forwardingLine(facts.route))
  return proto === 'https'
    ? trustLine(facts)
    : onRoute(facts.route, "headers: { request: { set: { X-Forwarded-Proto: '{proto}' } } }")
}
