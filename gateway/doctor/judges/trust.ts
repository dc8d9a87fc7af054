/** Whether the app minds being called by its public name, from another origin, or through a gateway. Pure. */
import type { RouteFacts, Trial } from '../facts.ts'
import { fail, hint, onRoute, pass, skip, type Verdict, warn } from '../findings.ts'
import { fieldsOf, isAnswer, isFine, isLate, type Seen, told } from '../seen.ts'
import { knownTrustLine, presetBlock, presetOf, publicNameLine, trustLine } from './advice.ts'

/** What an app needs to know of a visitor (RFC 7239 has the same three). */
const NEEDED = ['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host'] as const

const PRESERVE = 'headers: { host: preserve }'

export function judgeHost(facts: RouteFacts): Verdict {
  const { around, route, door, expected } = facts
  if (around === null || expected === null) return skip('not asked')
  const { alone, named, publicName } = around
  const isSame = isAnswer(alone) && isAnswer(named) && alone.status === named.status
  if (!isFine(named) && !isSame && isFine(publicName))
    return fail(
      `the app ${told(named)} to Host ${expected.host} and ${told(publicName)} to ${door?.host}`,
      onRoute(route, PRESERVE),
    )
  if (!isFine(named) && !isSame) return unknownName(facts, around)
  if (isLate(around.named) || isLate(around.forwarded)) return skip('the app was too slow to show it: ask again later')
  const closer = facts.strict.find(trial => !isRefused(trial.alone) && isRefused(trial.named))
  if (closer !== undefined) return unknownName(facts, closer)
  const leak = ownAddressShown(facts)
  if (leak !== null) return fail(`${leak}, which visitors cannot reach`, onRoute(route, PRESERVE))
  if (route.headers.host !== 'preserve' && presetBlock(facts, 'headers').host === 'preserve')
    return warn(
      `${presetOf(facts)?.title} is told ${expected.host} in place of the name that visitors use`,
      onRoute(route, PRESERVE),
    )
  return pass(`the app ${told(named)} to the name ${expected.host}`)
}

/** The app knows only its own name. */
function unknownName(facts: RouteFacts, { target, alone, named }: Trial): Verdict {
  const { route, expected } = facts
  const reason = `at ${target} the app ${told(alone)} to its own name and ${told(named)} to ${expected?.host}`
  const line = presetBlock(facts, 'headers').host === 'upstream' ? null : publicNameLine(facts)
  return fail(reason, line ?? onRoute(route, 'headers: { host: upstream }'))
}

/** How apps refuse a name, or somebody who speaks for others (RFC 9110 §15.5.20 for 421). */
const isRefused = (seen: Seen): boolean => isAnswer(seen) && [400, 403, 421].includes(seen.status)

/** An address of the origin's own in what visitors get. */
function ownAddressShown({ origins, door, through, page }: RouteFacts): string | null {
  const own = new Set(origins.map(({ origin }) => origin.authority).filter(authority => authority !== door?.host))
  const isOwn = (address: string) => own.has(URL.parse(address, door?.origin)?.host ?? '')
  const hop = through?.hops.find(({ location }) => isOwn(location))
  if (hop !== undefined) return `it redirects to ${hop.location}`
  const shown = page?.resources.find(({ url }) => isOwn(url))
  return shown === undefined ? null : `its page loads ${shown.url}`
}

export function judgeOriginCheck(facts: RouteFacts): Verdict {
  const { upgrades, door, route, expected } = facts
  const asked = upgrades.flatMap(({ through, target }) => (through === null ? [] : [{ through, target }]))
  if (asked.length === 0) return skip('it has no socket that could be asked for from another origin')
  const refused = asked.find(({ through: { status, code } }) => code === null && status !== null && REFUSED.has(status))
  if (refused === undefined) return pass(`its socket may be asked for from ${door?.origin}`)
  const reason = `${refused.target} gives its socket to its own origin, and answers ${refused.through.status} to ${door?.origin}`
  if (expected?.host !== door?.host) return fail(`${reason} under Host ${expected?.host}`, onRoute(route, PRESERVE))
  return fail(reason, publicNameLine(facts) ?? onRoute(route, 'headers: { request: { remove: [Origin] } }'))
}

/** How apps refuse an origin. */
export const REFUSED: ReadonlySet<number> = new Set([400, 401, 403])

export function judgeTrust(facts: RouteFacts): Verdict {
  const { around, expected, route } = facts
  if (expected === null || expected.route !== route.name || expected.refusal !== null) return skip('not asked')
  const untold = untoldFields(facts)
  if (untold !== null) return untold
  if (around === null) return skip('not asked, since no origin answers')
  if (isLate(around.named) || isLate(around.forwarded)) return skip('the app was too slow to show it: ask again later')
  const closer = facts.strict.find(trial => !isRefused(trial.named) && isRefused(trial.forwarded))
  const minded = isFine(around.named) && !isFine(around.forwarded) ? around : closer
  if (minded !== undefined)
    return fail(
      `at ${minded.target} the app ${told(minded.named)} without the gateway's forwarding fields and ${told(minded.forwarded)} with them: it does not trust the gateway`,
      trustLine(facts),
    )
  const plain = plainAddressShown(facts) ?? plainPolicyShown(facts)
  if (plain !== null) return fail(`${plain}, although the gateway says that visitors use https`, trustLine(facts))
  if (showsItself(facts)) return pass('it makes its addresses of what the gateway says about visitors')
  const line = knownTrustLine(facts)
  const reason = 'its answers do not show whether it believes the gateway about visitors'
  return line === null ? skip(reason) : hint(`${reason}; this makes it`, line)
}

/** Forwarding fields that rules of the route take off or set to something else. */
function untoldFields({ expected, route, door }: RouteFacts): Verdict | null {
  const sent = new Map(expected?.forwarding ?? [])
  const missing = NEEDED.filter(name => !sent.has(name.toLowerCase()))
  if (missing.length > 0)
    return fail(`the route keeps ${missing.join(', ')} from the app`, onRoute(route, forwardingLine(route)))
  if (sent.get('x-forwarded-proto') === door?.scheme) return null
  const line = "headers: { request: { set: { X-Forwarded-Proto: '{proto}' } } }"
  return fail(
    `the app is told ${sent.get('x-forwarded-proto')} where visitors use ${door?.scheme}`,
    onRoute(route, line),
  )
}

/** The rules of the route without those that take forwarding fields off. */
export function forwardingLine({ headers }: RouteFacts['route']): string {
  const isForwarding = (name: string) => /^(x-forwarded-|forwarded$|x-real-ip$)/i.test(name)
  const remove = headers.request.remove.filter(name => !isForwarding(name))
  const isEmpty = ([, value]: [string, string]) => value === ''
  const set = Object.entries(headers.request.set).filter(entry => isForwarding(entry[0]) && isEmpty(entry))
  const shown = set.map(
    ([name]) =>
      `${name}: '{${name.toLowerCase().endsWith('proto') ? 'proto' : name.toLowerCase().endsWith('host') ? 'host' : 'address'}}'`,
  )
  const parts = [`remove: [${remove.join(', ')}]`, ...(shown.length === 0 ? [] : [`set: { ${shown.join(', ')} }`])]
  return `headers: { request: { ${parts.join(', ')} } }`
}

/** An address of the app with http where visitors use https. */
export function plainAddressShown({ door, through, page }: RouteFacts): string | null {
  if (door?.scheme !== 'https') return null
  const isPlain = (address: string) => isOwn(address, door.origin, ['http:'])
  const hop = through?.hops.find(({ location }) => isPlain(location))
  if (hop !== undefined) return `it redirects to ${hop.location}`
  const shown = page?.resources.find(({ url }) => isPlain(url))
  return shown === undefined ? null : `its page loads ${shown.url}`
}

/**
 * A Content-Security-Policy in which the app's own address has a scheme without TLS, and nowhere one with it: browsers
 * take it for both (CSP3 §6.7.2.8), but the app checks the Origin of its sockets against the same address. Cockpit does.
 */
function plainPolicyShown({ door, through }: RouteFacts): string | null {
  const last = through?.last ?? null
  if (door?.scheme !== 'https' || !isAnswer(last)) return null
  const sources = fieldsOf(last, 'content-security-policy').flatMap(policy => policy.split(/[\s;,]+/))
  if (sources.some(source => isOwn(source, door.origin, ['https:', 'wss:']))) return null
  const plain = sources.find(source => isOwn(source, door.origin, ['http:', 'ws:']))
  return plain === undefined ? null : `its policy for browsers names ${plain}`
}

function isOwn(address: string, origin: string, schemes: readonly string[]): boolean {
  const url = URL.parse(address)
  return url !== null && schemes.includes(url.protocol) && url.hostname === new URL(origin).hostname
}

/** Absolute addresses with the scheme and the name of visitors, which the app itself has written. */
function showsItself({ door, around }: RouteFacts): boolean {
  const seen = around?.forwarded ?? null
  if (door === null || !isAnswer(seen)) return false
  const { body, fields } = seen
  const wanted = `${door.origin}/`
  return fields.some(([, value]) => value.startsWith(wanted)) || body.subarray(0, 131_072).includes(wanted)
}
