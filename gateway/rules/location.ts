/**
 * Where an answer sends its client (Location, RFC 9110 §10.2.2): an app that does not read X-Forwarded-* names itself by
 * the scheme, host and path that it is asked by, at which the client finds nothing or another app. Those are told as the
 * client knows them; every other address stays as it is. Pure.
 */
import type { ClientFacts } from '../../plugins/proxy/index.ts'

/** What a route knows of the addresses of its app. */
export interface OwnAddresses {
  /** Its origins as they know themselves, `http://wiki:3000`, in lower case. */
  readonly origins: ReadonlySet<string>
  /** Where the app is mounted, and what stands in its place at the origin; without a slash at the end. Null = nowhere else. */
  readonly mount: { readonly path: string; readonly base: string } | null
}

export interface LocationQuestion {
  readonly own: OwnAddresses
  readonly client: Pick<ClientFacts, 'proto' | 'host'>
  /** Host that the origin was asked by. */
  readonly sentHost: string
  /** Target of the request as the client sent it; null where to be sent to it again is no ring. */
  readonly asked: string | null
  /** Whether another app of this host has a public path for itself. */
  readonly isElsewhere: (path: string) => boolean
}

const whole = /^(https?):\/\/([^/?#\\]+)/i

/** The address as the client has to be told it; null = as it came. */
export function publicLocation(location: string, question: LocationQuestion): string | null {
  const { client, asked } = question
  const at = whole.exec(location)
  if (at === null) return location.startsWith('/') && !/^\/[/\\]/.test(location) ? publicPath(location, question) : null
  const [start, scheme = '', authority = ''] = at
  const rest = location.slice(start.length)
  const site = siteOf(scheme.toLowerCase(), authority.toLowerCase(), question)
  if (site === 'other') return null
  const path = rest.startsWith('/') ? (publicPath(rest, question) ?? rest) : rest
  const told = `${client.proto}://${client.host}${path}`
  if (told === location) return null
  // An app that sends the address it was asked by from https to http would go round in a ring.
  const isRing = asked !== null && told === `${client.proto}://${client.host}${asked}`
  return site === 'public' && isRing ? null : told
}

/** `public`: the name that the client used. `own`: one that only the gateway uses. */
function siteOf(
  scheme: string,
  authority: string,
  { own, client, sentHost }: LocationQuestion,
): 'public' | 'own' | 'other' {
  if (own.origins.has(`${scheme}://${authority}`)) return isSame(authority, client.host) ? 'public' : 'own'
  // What the app wants encrypted stays so.
  if (scheme === 'https' && client.proto === 'http') return 'other'
  if (isSame(authority, client.host)) return 'public'
  return isSame(authority, sentHost) ? 'own' : 'other'
}

function isSame(authority: string, host: string): boolean {
  return plain(authority) === plain(host.toLowerCase())
}

/** Which port is the usual one depends on a scheme that the app may not know. */
function plain(authority: string): string {
  return authority.replace(/:(?:80|443)?$/, '')
}

/** A path of the app, with what follows it, as the client asks for it. Null = it stays. One that is below the mount already is of an app that knows where it is. */
export function publicPath(path: string, { own: { mount }, isElsewhere }: LocationQuestion): string | null {
  if (mount === null || !isBelow(path, mount.base)) return null
  if (mount.path.length >= mount.base.length && isBelow(path, mount.path)) return null
  if (mount.base === '' && isElsewhere(path)) return null
  const rest = path.slice(mount.base.length)
  return mount.path + rest === '' ? '/' : mount.path + rest
}

function isBelow(path: string, base: string): boolean {
  return path.startsWith(base) && (path.length === base.length || /[/?#]/.test(path[base.length] as string))
}

/** Whether a Location in an answer of this status sends anybody anywhere (RFC 9110 §10.2.2). */
export function mayLocate(status: number): boolean {
  return status === 201 || (status >= 300 && status < 400 && status !== 304)
}
