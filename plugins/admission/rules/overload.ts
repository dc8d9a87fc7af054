/**
 * When more comes than an origin can answer, and what follows from it. A burst is not an overload: the images of a page
 * come all at once and can all wait, and so can the next page. More arrivals than ends for two seconds, and a queue whose
 * wait people notice at every moment of them, are one.
 * While it lasts, the newest request goes first and nobody waits longer than `goalMs` (after the controlled delay and
 * adaptive LIFO that "Fail at Scale", ACM Queue 13(8), describes).
 *
 * Clients that come back as soon as they are refused look like an overload for ever. So now and then nobody is refused
 * for two seconds: a number of clients that each wait for their answer fill the queue once, and it grows no further.
 */

/** What happened in one second. */
export interface SecondOfLoad {
  readonly arrivals: number
  readonly ends: number
  /** Of those that came or waited. */
  readonly refusals: number
}

export interface LoadNow {
  readonly nowMs: number
  readonly waiting: number
  /** Fewest that waited at any moment of the last two seconds. */
  readonly leastWaiting: number
  /** Ends a second, lately; 0 = not known. */
  readonly throughput: number
  readonly last: SecondOfLoad
  readonly before: SecondOfLoad
  readonly goalMs: number
}

export interface OverloadState {
  /** `trial`: overloaded as far as is known, but nobody is refused for it. */
  readonly phase: 'calm' | 'overloaded' | 'trial'
  readonly sinceMs: number
  /** How long the phase `overloaded` lasts until the next trial. */
  readonly trialAfterMs: number
}

export type OverloadReason =
  | 'keeps-growing'
  | 'not-empty-yet'
  | 'tried'
  | 'short-wait'
  | 'burst'
  | 'empty'
  | 'catching-up'
  | 'same-clients'

export interface OverloadStep {
  readonly state: OverloadState
  readonly reason: OverloadReason
}

/** Arrivals over ends that count as growth; below it is chance. */
const GROWTH = 1.1
const LEAST_SURPLUS = 2
const FIRST_TRIAL_MS = 4_000
const RAREST_TRIAL_MS = 32_000
/** A second in which everybody comes back, and one that tells whether there are more. */
const TRIAL_MS = 2_000

export const calm: OverloadState = { phase: 'calm', sinceMs: 0, trialAfterMs: FIRST_TRIAL_MS }

export function stepOverload(state: OverloadState, load: LoadNow): OverloadStep {
  if (load.waiting === 0) return { state: state.phase === 'calm' ? state : calm, reason: 'empty' }
  if (state.phase === 'calm') return stepCalm(state, load)
  return state.phase === 'trial' ? stepTrial(state, load) : stepOverloaded(state, load)
}

function stepCalm(state: OverloadState, load: LoadNow): OverloadStep {
  const { nowMs, waiting, leastWaiting, throughput, last, before, goalMs } = load
  if (estimatedWaitMs(waiting, throughput) <= goalMs) return { state, reason: 'short-wait' }
  if (estimatedWaitMs(leastWaiting, throughput) <= goalMs) return { state, reason: 'burst' }
  if (!grows(last) || !grows(before)) return { state, reason: 'burst' }
  return { state: { phase: 'overloaded', sinceMs: nowMs, trialAfterMs: FIRST_TRIAL_MS }, reason: 'keeps-growing' }
}

function stepOverloaded(state: OverloadState, { nowMs, last }: LoadNow): OverloadStep {
  if (last.arrivals <= last.ends) return { state: calm, reason: 'catching-up' }
  if (nowMs - state.sinceMs < state.trialAfterMs) return { state, reason: 'not-empty-yet' }
  return { state: { ...state, phase: 'trial', sinceMs: nowMs }, reason: 'tried' }
}

function stepTrial(state: OverloadState, { nowMs, last }: LoadNow): OverloadStep {
  if (nowMs - state.sinceMs < TRIAL_MS) return { state, reason: 'tried' }
  if (!grows(last)) return { state: calm, reason: 'same-clients' }
  const trialAfterMs = Math.min(RAREST_TRIAL_MS, 2 * state.trialAfterMs)
  return { state: { phase: 'overloaded', sinceMs: nowMs, trialAfterMs }, reason: 'keeps-growing' }
}

/** More are there at the end of the second than at its beginning. */
function grows({ arrivals, ends, refusals }: SecondOfLoad): boolean {
  const stayed = arrivals - refusals
  return stayed > ends * GROWTH && stayed - ends >= LEAST_SURPLUS
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
