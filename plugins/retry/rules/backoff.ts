/**
 * How long to wait before the next attempt: full jitter over a doubling window with a cap, so that those who failed
 * together do not come back together.
 */

export interface BackoffLimits {
  /** Width of the first window. */
  readonly baseMs: number
  /** Widest window. */
  readonly maxMs: number
}

/** Windows are not doubled further than this: 2^16 times any base is beyond every cap. */
const MAX_DOUBLINGS = 16

/** `retries` made before this one; `random` in [0, 1). */
export function backoffMs({ baseMs, maxMs }: BackoffLimits, retries: number, random: number): number {
  return random * Math.min(maxMs, baseMs * 2 ** Math.min(retries, MAX_DOUBLINGS))
}
