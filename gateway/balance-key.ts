/**
 * What decides on the origin of a request where a route keeps clients with theirs.
 */
import type { IncomingMessage } from 'node:http'
import type { RequestFacts } from './request-facts.ts'
import type { ServedRoute } from './serving.ts'

/** Longest value of a cookie that is looked at. */
const MAX_COOKIE = 256

/** The cookie, or without it the client's address; undefined where the route asks for neither. */
export function balanceKeyFor(
  { headers }: IncomingMessage,
  route: ServedRoute,
  facts: RequestFacts,
): string | undefined {
  if (route.balance === 'hash_client') return facts.client.address
  if (route.balance !== 'hash_cookie') return undefined
  return cookieOf(headers.cookie, route.balanceCookie) ?? facts.client.address
}

/** RFC 6265 §4.2.1: pairs between `; `. */
function cookieOf(field: string | undefined, name: string): string | null {
  for (const pair of field?.split(';') ?? []) {
    const equals = pair.indexOf('=')
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1, equals + 1 + MAX_COOKIE)
  }
  return null
}
