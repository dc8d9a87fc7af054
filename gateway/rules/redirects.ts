/**
 * Fixed redirects of a route (RFC 9110 §15.4.2), such as the addresses by which calendars find their server (RFC 6764 §5):
 * the app itself would name the address that it thinks it has.
 */
import { canonicalPath } from '../../plugins/contract/index.ts'

/** Answers a path below the route's own with the target of its redirect; null where there is none. */
export type Redirects = (appPath: string) => string | null

/** @param prefix the public path of the route, in front of both sides; null without any redirect */
export function compileRedirects(redirects: Readonly<Record<string, string>>, prefix: string): Redirects | null {
  const entries = Object.entries(redirects)
  if (entries.length === 0) return null
  const targets = new Map(entries.map(([from, to]) => [plain(from), to.startsWith('/') ? prefix + to : to]))
  return appPath => targets.get(plain(appPath)) ?? null
}

/** Whole, for clients that take no relative address. */
export function redirectLocation(target: string, query: string, at: { proto: string; host: string }): string {
  const location = target.startsWith('/') ? `${at.proto}://${at.host}${target}` : target
  return query === '' || location.includes('?') ? location : location + query
}

/** A slash at the end makes no other address here. */
function plain(path: string): string {
  const canonical = canonicalPath(path)
  const decoded = canonical.ok ? canonical.decoded : path
  return decoded.length > 1 && decoded.endsWith('/') ? decoded.slice(0, -1) : decoded
}
