/**
 * How much of an origin's places one kind of requests may hold while others use the origin too: three quarters, so that
 * somebody more urgent, or of another route, finds a place without waiting for a whole request.
 */

export const SHARE = 0.75

/** How long others count as users of the origin after their last request. */
export const ACTIVE_MS = 30_000

/** Places of `limit` that a kind may hold which shares the origin with another; at least one, at most all but one. */
export function sharedPlaces(limit: number): number {
  return Math.max(1, Math.min(limit - 1, Math.floor(limit * SHARE)))
}
