/**
 * How long a request waits for a place at most. Where a crowd waits, who cannot be answered in time makes room for who can.
 * The requests of a page or two stand in nobody's way: refused, a visitor has a page with holes where it was only slow, as
 * when the app has paused for a moment.
 */

/** A browser opens six connections to a host over HTTP/1.1, one over HTTP/2: two or three people at most. */
export const MOST_WITHOUT_A_CROWD = 16

export interface Wait {
  /** The waiting requests come by more than `MOST_WITHOUT_A_CROWD` connections. */
  readonly isCrowd: boolean
  readonly isOverloaded: boolean
  readonly configuredMs: number
  /** What the tunable says now. */
  readonly tunedMs: number
  /** For as long as the overload lasts. */
  readonly goalMs: number
}

export function patienceMs({ isCrowd, isOverloaded, configuredMs, tunedMs, goalMs }: Wait): number {
  if (!isCrowd) return Math.max(configuredMs, tunedMs)
  return isOverloaded ? Math.min(goalMs, tunedMs) : tunedMs
}
