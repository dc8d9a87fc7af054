/**
 * Whether a stored answer may be used for a request now (RFC 9111 §4), stale (§4.2.4, RFC 5861) or only after the origin
 * was asked; and whether it may stand in when the origin fails.
 */
import { currentAgeMs } from './age.ts'
import type { RequestFacts } from './request-facts.ts'
import type { RouteCacheSettings, StoredHead } from './types.ts'

export type Use =
  | 'fresh'
  /** Stale, and the client said that this will do (max-stale). */
  | 'stale'
  | 'stale-while-revalidate'
  | 'revalidate'
  | 'miss'
  | 'gateway-timeout-only-if-cached'

export type ReuseReason =
  | 'fresh'
  | 'absent'
  | 'method'
  | 'request-body'
  | 'authorization'
  | 'cookie-unmarked'
  | 'no-cache'
  | 'request-no-cache'
  | 'request-max-age'
  | 'request-min-fresh'
  | 'request-max-stale'
  | 'must-revalidate'
  | 'stale-while-revalidate'
  | 'stale'

export interface ReuseDecision {
  readonly use: Use
  readonly reason: ReuseReason
  /** 0 where nothing is stored. */
  readonly ageMs: number
  /** Freshness lifetime that is left; negative when stale. */
  readonly ttlMs: number
}

export interface ReuseRequest {
  readonly method: string
  readonly hasBody: boolean
  readonly facts: RequestFacts
}

/** `stored` is the variant that matches the request (see vary.ts), null when there is none. */
export function decideReuse(
  stored: StoredHead | null,
  request: ReuseRequest,
  settings: RouteCacheSettings,
  nowMs: number,
): ReuseDecision {
  const ageMs = stored === null ? 0 : currentAgeMs(stored, nowMs)
  const ttlMs = stored === null ? 0 : stored.freshness.lifetimeMs - ageMs
  const outcome = decideUse(stored, request, settings, { ageMs, ttlMs })
  const needsOrigin = outcome.use === 'miss' || outcome.use === 'revalidate'
  // RFC 9111 §5.2.1.7
  const use = needsOrigin && request.facts.directives.onlyIfCached ? 'gateway-timeout-only-if-cached' : outcome.use
  return { use, reason: outcome.reason, ageMs, ttlMs }
}

interface Clock {
  readonly ageMs: number
  readonly ttlMs: number
}

function decideUse(
  stored: StoredHead | null,
  request: ReuseRequest,
  settings: RouteCacheSettings,
  clock: Clock,
): { use: Use; reason: ReuseReason } {
  // RFC 9111 §4: the method allows it; HEAD is a GET without its content.
  if (request.method !== 'GET' && request.method !== 'HEAD') return { use: 'miss', reason: 'method' }
  if (request.hasBody) return { use: 'miss', reason: 'request-body' }
  if (stored === null) return { use: 'miss', reason: 'absent' }
  // RFC 9111 §3.5, read from the other side: nobody with credentials is given what strangers see.
  if (request.facts.hasAuthorization && !stored.limits.isForAuthorized) return { use: 'miss', reason: 'authorization' }
  // RFC 9111 §5.2.2.4
  if (stored.limits.alwaysRevalidate) return { use: 'revalidate', reason: 'no-cache' }
  const wish = settings.honourRequestDirectives ? requestWish(request.facts, clock) : null
  if (wish !== null) return { use: 'revalidate', reason: wish }
  // RFC 9111 §4.2
  if (clock.ttlMs > 0) {
    if (isGuessForCookie(stored, request.facts)) return { use: 'revalidate', reason: 'cookie-unmarked' }
    return { use: 'fresh', reason: 'fresh' }
  }
  return decideStale(stored, request.facts, settings, clock)
}

/**
 * What a stranger got and the app gave no lifetime is likely to be another page for somebody with a cookie, who may have
 * logged in since: only the app can tell, and neither a guess nor a window of the route stands in for its word.
 */
export function isGuessForCookie({ freshness, limits }: StoredHead, { hasCookie }: RequestFacts): boolean {
  if (!hasCookie || limits.isForAuthorized) return false
  return freshness.lifetimeMs === 0 || freshness.source === 'heuristic'
}

/** RFC 9111 §5.2.1: what keeps a client from being given even a fresh answer. */
function requestWish({ directives }: RequestFacts, { ageMs, ttlMs }: Clock): ReuseReason | null {
  if (directives.noCache) return 'request-no-cache'
  if (directives.maxAge !== null && (directives.maxAge === 0 || ageMs > directives.maxAge * 1000)) {
    return 'request-max-age'
  }
  if (directives.minFresh !== null && ttlMs < directives.minFresh * 1000) return 'request-min-fresh'
  return null
}

/** RFC 9111 §4.2.4: what the origin forbids comes first, whatever a client or a setting would allow. */
function decideStale(
  stored: StoredHead,
  facts: RequestFacts,
  settings: RouteCacheSettings,
  { ttlMs }: Clock,
): { use: Use; reason: ReuseReason } {
  const { directives } = facts
  if (stored.limits.mustRevalidate) return { use: 'revalidate', reason: 'must-revalidate' }
  const stalenessMs = -ttlMs
  // RFC 5861 §3
  const ofRoute = isGuessForCookie(stored, facts) ? 0 : (settings.staleWhileRevalidateMs ?? 0)
  const window = stored.limits.staleWhileRevalidateMs ?? ofRoute
  if (window > 0 && stalenessMs <= window) return { use: 'stale-while-revalidate', reason: 'stale-while-revalidate' }
  // RFC 9111 §5.2.1.2
  const isAccepted = settings.honourRequestDirectives && directives.maxStale !== null
  if (isAccepted && stalenessMs <= directives.maxStale! * 1000) return { use: 'stale', reason: 'request-max-stale' }
  return { use: 'revalidate', reason: 'stale' }
}

/** How the origin failed; a number is the status of its answer. */
export type OriginFailure = 'connect' | 'timeout' | 'cut' | 'circuit-open' | number

export type StaleIfErrorReason =
  | 'stale-if-error'
  | 'fresh'
  | 'absent'
  | 'not-an-error'
  | 'no-cache'
  | 'must-revalidate'
  | 'authorization'
  | 'request-no-cache'
  | 'cookie-unmarked'
  | 'too-stale'

export interface StaleIfErrorDecision {
  readonly use: 'stale-if-error' | 'fail'
  readonly reason: StaleIfErrorReason
}

/** Statuses that say that the origin, not the request, is at fault (RFC 5861 §4). */
const failureStatuses = new Set([500, 502, 503, 504])

export function isFailureStatus(status: number): boolean {
  return failureStatuses.has(status)
}

/** Whether the stored answer stands in for the failed one; the caller says so in Cache-Status. */
export function decideStaleIfError(
  stored: StoredHead | null,
  request: { readonly facts: RequestFacts; readonly failure: OriginFailure },
  settings: RouteCacheSettings,
  nowMs: number,
): StaleIfErrorDecision {
  const fail = (reason: StaleIfErrorReason): StaleIfErrorDecision => ({ use: 'fail', reason })
  const { facts, failure } = request
  if (stored === null) return fail('absent')
  if (typeof failure === 'number' && !isFailureStatus(failure)) return fail('not-an-error')
  if (facts.hasAuthorization && !stored.limits.isForAuthorized) return fail('authorization')
  // RFC 9111 §5.2.2.4 and §5.2.1.4: neither side wants this answer unasked.
  if (stored.limits.alwaysRevalidate) return fail('no-cache')
  if (facts.directives.noCache && settings.honourRequestDirectives) return fail('request-no-cache')
  const stalenessMs = currentAgeMs(stored, nowMs) - stored.freshness.lifetimeMs
  const isGuess = isGuessForCookie(stored, facts)
  if (stalenessMs < 0 && !isGuess) return { use: 'stale-if-error', reason: 'fresh' }
  // RFC 9111 §5.2.2.2, §5.2.2.8, §5.2.2.10: a lost connection is no excuse.
  if (stored.limits.mustRevalidate) return fail('must-revalidate')
  const window = stored.limits.staleIfErrorMs ?? (isGuess ? 0 : settings.staleIfErrorMs)
  const asked = settings.honourRequestDirectives ? (facts.directives.staleIfError ?? 0) * 1000 : 0
  const mostMs = Math.max(window, asked)
  if (mostMs > 0 && stalenessMs <= mostMs) return { use: 'stale-if-error', reason: 'stale-if-error' }
  return fail(isGuess ? 'cookie-unmarked' : 'too-stale')
}
