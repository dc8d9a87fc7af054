/**
 * Fixed redirects of a route (RFC 9110 §15.4.2), such as the addresses by which calendars find their server (RFC 6764 §5):
 * the app itself would name the address that it thinks it has.
 */
import { canonicalPath } from '../../plugins/contract/index.ts'

/** How the client came: scheme and host of its own address. */
interface Site {
  readonly proto: string
  readonly host: string
}

/** The address that a path below the route's own leads to, whole for clients that take no relative one; null where it leads nowhere. */
export type Redirects = (appPath: string, query: string, site: Site) => string | null

/** @param prefix the public path of the route, in front of both sides; null without any redirect */
export function compileRedirects(redirects: Readonly<Record<string, string>>, prefix: string): Redirects | null {
  const entries = Object.entries(redirects)
  if (entries.length === 0) return null
  const targets = new Map(entries.map(([from, to]) => [plain(from), to.startsWith('/') ? prefix + to : to]))
  return (appPath, query, site) => {
    const target = targets.get(plain(appPath))
    if (target === undefined) return null
    const location = wholeAddress(target, site)
    // `/dav: /dav/` is meant for those who leave the slash out; who is there already would be sent round in a ring.
    return location === wholeAddress(prefix + appPath, site) ? null : withQuery(location, query)
  }
}

function wholeAddress(target: string, { proto, host }: Site): string {
  return target.startsWith('/') ? `${proto}://${host}${target}` : target
}

/** The query stands in front of the fragment (RFC 3986 §3); a target that has one of its own keeps it. */
function withQuery(location: string, query: string): string {
  const hash = location.indexOf('#')
  const end = hash === -1 ? location.length : hash
  const address = location.slice(0, end)
  return query === '' || address.includes('?') ? location : address + query + location.slice(end)
}

/** A slash at the end makes no other address here. */
function plain(path: string): string {
  const canonical = canonicalPath(path)
  const decoded = canonical.ok ? canonical.decoded : path
  return decoded.length > 1 && decoded.endsWith('/') ? decoded.slice(0, -1) : decoded
}
