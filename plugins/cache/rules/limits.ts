/**
 * What an answer allows beyond its lifetime: stale use (RFC 9111 §4.2.4, RFC 5861) and use for requests with credentials
 * (RFC 9111 §3.5).
 */
import type { AnswerFacts } from './answer-facts.ts'
import type { ReuseLimits, RouteCacheSettings } from './types.ts'

export function reuseLimits(facts: AnswerFacts): ReuseLimits {
  const { directives } = facts
  return {
    alwaysRevalidate: directives.noCache,
    // RFC 9111 §5.2.2.10: s-maxage means proxy-revalidate, too.
    mustRevalidate: directives.mustRevalidate || directives.proxyRevalidate || directives.sharedMaxAge !== null,
    staleWhileRevalidateMs: inMs(directives.staleWhileRevalidate),
    staleIfErrorMs: inMs(directives.staleIfError),
    isForAuthorized: isForAuthorized(facts),
  }
}

/** RFC 9111 §3.5: the directives by which an answer to somebody with credentials may be shared. */
export function isForAuthorized({ directives }: Pick<AnswerFacts, 'directives'>): boolean {
  return directives.isPublic || directives.mustRevalidate || directives.sharedMaxAge !== null
}

/** How long a stale answer may be used without the origin's word, for whatever reason; milliseconds. */
export function graceMs(limits: ReuseLimits, settings: RouteCacheSettings): number {
  if (limits.alwaysRevalidate || limits.mustRevalidate) return 0
  const whileRevalidate = limits.staleWhileRevalidateMs ?? settings.staleWhileRevalidateMs ?? 0
  return Math.max(whileRevalidate, limits.staleIfErrorMs ?? settings.staleIfErrorMs)
}

function inMs(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1000
}
