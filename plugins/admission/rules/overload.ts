/**
 * When more comes than an origin can answer, and what follows from it. A burst is not an overload: the images of a page
 * come all at once and can all wait, and so can the next page. More arrivals than ends for two seconds, and a queue whose
 * wait people notice at every moment of them, are one.
 * While it lasts, the newest request goes first and nobody waits longer than `goalMs` (after the controlled delay and
 * adaptive LIFO that "Fail at Scale", ACM Queue 13(8), describes).
 */

/** What happened in one second. */
export interface SecondOfLoad {
  readonly arrivals: number
  readonly ends: number
}

export interface LoadNow {
  readonly isOverloaded: boolean
  readonly waiting: number
  /** Fewest that waited at any moment of the last two seconds. */
  readonly leastWaiting: number
  /** Ends a second, lately; 0 = not known. */
  readonly throughput: number
  readonly last: SecondOfLoad
  readonly before: SecondOfLoad
  readonly goalMs: number
}

export type OverloadDecision =
  | { readonly overloaded: true; readonly reason: 'keeps-growing' | 'not-empty-yet' }
  | { readonly overloaded: false; readonly reason: 'short-wait' | 'burst' | 'empty' | 'catching-up' }

/** Arrivals over ends that count as growth; below it is chance. */
const GROWTH = 1.1
const LEAST_SURPLUS = 2

export function decideOverload(load: LoadNow): OverloadDecision {
  const { isOverloaded, waiting, leastWaiting, last, before, goalMs } = load
  if (waiting === 0) return { overloaded: false, reason: 'empty' }
  if (isOverloaded) {
    return last.arrivals > last.ends
      ? { overloaded: true, reason: 'not-empty-yet' }
      : { overloaded: false, reason: 'catching-up' }
  }
  if (estimatedWaitMs(waiting, load.throughput) <= goalMs) return { overloaded: false, reason: 'short-wait' }
  if (estimatedWaitMs(leastWaiting, load.throughput) <= goalMs) return { overloaded: false, reason: 'burst' }
  if (grows(last) && grows(before)) return { overloaded: true, reason: 'keeps-growing' }
  return { overloaded: false, reason: 'burst' }
}

function grows({ arrivals, ends }: SecondOfLoad): boolean {
  return arrivals > ends * GROWTH && arrivals - ends >= LEAST_SURPLUS
}

/** How long the last of `waiting` requests would wait; Infinity where nothing ends, 0 where nobody waits. */
export function estimatedWaitMs(waiting: number, throughput: number): number {
  if (waiting === 0) return 0
  return throughput === 0 ? Number.POSITIVE_INFINITY : (waiting / throughput) * 1000
}

/** Whole seconds for Retry-After (RFC 9110 §10.2.3): when what waits now will be done, 1 to 30. */
export function retryAfterSeconds(waiting: number, throughput: number): number {
  const seconds = Math.ceil(estimatedWaitMs(waiting, throughput) / 1000)
  return Math.min(30, Math.max(1, seconds))
}
