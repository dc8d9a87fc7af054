/**
 * How long an answer is fresh (RFC 9111 §4.2.1, RFC 9213 §2.2), by guess only where the route allows it (§4.2.2), and
 * for how long it is worth keeping.
 */
import type { AnswerFacts } from './answer-facts.ts'
import { isMediaType } from './content-type.ts'
import { graceMs } from './limits.ts'
import type { FreshnessSource, RouteCacheSettings, StoredHead } from './types.ts'

export interface FreshnessDecision {
  /** Never negative; 0 is stale at once. */
  readonly lifetimeMs: number
  readonly source: FreshnessSource
}

/** No guess reaches further than a day. */
export const MOST_HEURISTIC_MS = 24 * 60 * 60 * 1000
/** A validator keeps a stale answer useful, yet not for ever. */
export const KEEP_FOR_VALIDATION_MS = 7 * 24 * 60 * 60 * 1000

/** RFC 9110 §15.1: statuses whose answers may be guessed to be fresh. */
const heuristicStatuses = new Set([200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501])

export function isHeuristicStatus(status: number): boolean {
  return heuristicStatuses.has(status)
}

/** What a guess depends on beside the answer's fields. */
export interface FreshnessContext {
  readonly status: number
  readonly target: string
  readonly hasCookie: boolean
  readonly heuristicFreshness: number | null
  readonly unmarkedLifetimeMs: number
}

/** RFC 9111 §4.2.1: the first of these that is present. */
export function decideFreshness(facts: AnswerFacts, context: FreshnessContext): FreshnessDecision {
  const { sharedMaxAge, maxAge } = facts.directives
  const from = facts.isTargeted ? 'cdn-' : ''
  if (sharedMaxAge !== null) return { lifetimeMs: sharedMaxAge * 1000, source: `${from}s-maxage` }
  if (maxAge !== null) return { lifetimeMs: maxAge * 1000, source: `${from}max-age` }
  // RFC 9213 §2.2: a targeted field makes Expires void.
  if (facts.hasExpires && !facts.isTargeted) return expiresLifetime(facts)
  return guessFreshness(facts, context)
}

/** RFC 9111 §5.3: a date that cannot be read, `0` above all, has passed. */
function expiresLifetime(facts: AnswerFacts): FreshnessDecision {
  if (facts.expiresMs === null) return { lifetimeMs: 0, source: 'invalid-expires' }
  return { lifetimeMs: Math.max(0, facts.expiresMs - facts.dateMs), source: 'expires' }
}

function guessFreshness(facts: AnswerFacts, context: FreshnessContext): FreshnessDecision {
  const none: FreshnessDecision = { lifetimeMs: 0, source: 'none' }
  if (isLasting(facts, context)) return { lifetimeMs: context.unmarkedLifetimeMs, source: 'route' }
  const share = context.heuristicFreshness ?? 0
  if (share <= 0 || facts.lastModifiedMs === null) return none
  // RFC 9111 §4.2.2: a status that allows it, or an answer that is marked as public.
  if (!isHeuristicStatus(context.status) && !facts.directives.isPublic) return none
  if (facts.directives.noCache || facts.hasPragmaNoCache) return none
  // An unmarked answer to somebody with a cookie, or to a query, is likely to be about that person or that question.
  if (context.hasCookie || context.target.includes('?')) return none
  const lifetimeMs = Math.min(MOST_HEURISTIC_MS, Math.max(0, facts.dateMs - facts.lastModifiedMs) * share)
  return { lifetimeMs, source: 'heuristic' }
}

/** A page under the address of an asset is what an app answers for a file that is gone. */
function isLasting({ directives, hasPragmaNoCache, contentType }: AnswerFacts, context: FreshnessContext): boolean {
  if (context.unmarkedLifetimeMs === 0 || context.status !== 200) return false
  return !directives.noCache && !hasPragmaNoCache && !isMediaType(contentType, 'text/html')
}

/** Milliseconds from arrival for which a store should keep the answer. */
export function keepForMs(stored: StoredHead, settings: RouteCacheSettings): number {
  const hasValidator = stored.etag !== null || stored.lastModified !== null
  const after = Math.max(graceMs(stored.limits, settings), hasValidator ? KEEP_FOR_VALIDATION_MS : 0)
  return Math.max(0, stored.freshness.lifetimeMs - stored.freshness.initialAgeMs) + after
}
