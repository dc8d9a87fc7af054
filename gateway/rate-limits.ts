/**
 * Rate limits of routes: what a request is counted as, and the page for one too many.
 */
import { refuseAddress } from '../plugins/access/index.ts'
import { openRedisGuard } from '../plugins/cache/index.ts'
import type { PublicFailure } from '../plugins/proxy/index.ts'
import type { RateDecision, RateLimit, SharedRedis } from '../plugins/rate-limit/index.ts'
import type { RouteConfig } from './config/types.ts'
import { addressKey } from './listeners/index.ts'
import type { RequestFacts } from './request-facts.ts'
import { pathInApp } from './rules/app-path.ts'

/** Null where requests are not counted. */
export function rateLimitOf({ name, rateLimit }: Pick<RouteConfig, 'name' | 'rateLimit'>): RateLimit | null {
  if (rateLimit === false) return null
  const { requests, perMs, by } = rateLimit
  return { name, requests, windowMs: perMs, by }
}

/** The Redis of the cache, on a connection of its own, where the store is one; else each process counts by itself. */
export function sharedCounts(store: string): SharedRedis | null {
  return store === 'memory' || store.startsWith('disk:') ? null : openRedisGuard(store, 'hearthgate-rate-limit')
}

export interface CountedAs {
  readonly limit: RateLimit
  readonly client: string
}

/**
 * What a request or an upgrade is counted as; null = not at all. Passwords, logins and the other server's word come after
 * it, since a flood costs most there. An address that may not come in is not counted: its refusal costs less than that,
 * and it must not fill the count of who may.
 */
export function countedAs({ match, client, query }: RequestFacts): CountedAs | null {
  if (match.kind !== 'route' || match.route.rateLimit === null) return null
  const { guard, rateLimit, appBase } = match.route
  const asked = { address: client.address, path: pathInApp(appBase, match.path), query }
  if (guard !== null && refuseAddress(guard, asked) !== null) return null
  return { limit: rateLimit, client: addressKey(client.address) }
}

export function tooManyRequests(
  { retryAfter, fields }: Extract<RateDecision, { pass: false }>,
  requestId: string,
): PublicFailure {
  const message = 'too many requests came from this address'
  return { status: 429, code: 'HG_RATE_LIMIT', message, requestId, proxyStatus: null, retryAfter, fields }
}
