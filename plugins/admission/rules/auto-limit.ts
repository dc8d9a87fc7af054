/**
 * Finds the number of requests that an origin can work on at once, from what is seen outside: pure, one step for each
 * window of measurement, so that the plugin, a tuner or a simulation can run it.
 *
 * By Little's law an origin works on `throughput × latency`. With the latency of an unloaded origin in place of the
 * measured one this is the number of requests that it really works on; all others only wait inside it, where nothing can
 * be ordered or refused. The limit is held a little above that number. Each step down is checked against the throughput
 * of the next window and taken back where it has cost some.
 */

/** What was measured since the last step. */
export interface LoadWindow {
  readonly nowMs: number
  readonly elapsedMs: number
  /** Answers (their heads) that came from the origin in this window and tell something of its speed. */
  readonly answers: number
  /** Sum of the unloaded latencies of the routes of these answers, ms. */
  readonly unloadedMs: number
  /** Median of latency over unloaded latency; null = no baseline yet. */
  readonly ratio: number | null
  /** Share of the time in which requests waited, 0 to 1. */
  readonly waitedShare: number
  /** Share of the requests that took the last free place, 0 to 1. */
  readonly filledShare: number
  /** Requests hold all places now. */
  readonly isFull: boolean
  /** When the last answer came. */
  readonly lastAnswerMs: number
}

export interface AutoLimitBounds {
  readonly min: number
  readonly max: number
}

/** Plain data, so that it can be kept and replayed. */
export interface AutoLimitState {
  readonly limit: number
  /** Nothing has spoken against more yet: it doubles, as a connection of TCP does at its start. */
  readonly isStarting: boolean
  /** A step down whose effect is not known yet. */
  readonly trial: { readonly from: number; readonly throughput: number } | null
  /** No step down before this time. */
  readonly holdUntilMs: number
  /** No step up while places are kept free for others, before this time; and how long the next such pause is. */
  readonly growthHoldUntilMs: number
  readonly growthHoldMs: number
}

export type AutoLimitReason =
  | 'too-few-answers'
  | 'no-baseline'
  | 'not-in-use'
  | 'room-for-more'
  | 'waits-inside'
  | 'places-kept-free'
  | 'settled'
  | 'held'
  | 'cost-throughput'
  | 'stalled'

export interface AutoLimitStep {
  readonly state: AutoLimitState
  readonly reason: AutoLimitReason
  /** The unloaded latency is out of date: the origin has become slower, and fewer requests did not help. */
  readonly rebase: boolean
  /** The window is used up; false = go on measuring. */
  readonly consumed: boolean
}

/** Requests at once at the start: what suits most home apps better than either extreme. */
export const AUTO_START = 16
export const AUTO_MIN = 2

const ENOUGH_ANSWERS = 15
const ENOUGH_MS = 500
const FEW_ANSWERS = 5
const LONG_MS = 2_500
/** Share of the window with waiting requests, or of the requests that took the last place, that makes it a full one. */
const SATURATED_SHARE = 0.3
/** Latency over unloaded latency at which requests wait inside the origin. */
const WAITS_INSIDE = 1.2
const HEADROOM = 1.1
const LARGEST_SHRINK = 0.6
const LARGEST_GROWTH = 1.15
const GROWTH_AT_START = 2
const COST = 0.9
const HOLD_MS = 20_000
const GROWTH_HOLD_MS = 60_000
const LONGEST_GROWTH_HOLD_MS = 600_000
const STALL_MS = 2_000
const STALL_GROWTH = 1.5
const STALL_MAX = 64

export function startAutoLimit({ min, max }: AutoLimitBounds): AutoLimitState {
  const limit = Math.max(min, Math.min(AUTO_START, max))
  return { limit, isStarting: true, trial: null, holdUntilMs: 0, growthHoldUntilMs: 0, growthHoldMs: GROWTH_HOLD_MS }
}

export function stepAutoLimit(state: AutoLimitState, window: LoadWindow, bounds: AutoLimitBounds): AutoLimitStep {
  const stalled = window.isFull && window.waitedShare > 0 && window.nowMs - window.lastAnswerMs >= STALL_MS
  if (stalled && window.answers === 0) return widen(state, bounds)
  if (!isEnough(window)) return { ...stay(state, 'too-few-answers'), consumed: window.elapsedMs > 2 * LONG_MS }
  if (window.ratio === null) return stay(state, 'no-baseline')
  const isLimited = window.filledShare > SATURATED_SHARE
  if (isLimited && hasCost(state, window)) return undo(state, window, bounds)
  const settled: AutoLimitState = { ...state, trial: null }
  if (isLimited) return stepWhenLimited(settled, window, bounds)
  if (window.waitedShare > SATURATED_SHARE) return stepWhenShared(settled, window, bounds)
  return stay(settled, 'not-in-use')
}

/** The limit is what holds requests back. */
function stepWhenLimited(state: AutoLimitState, window: LoadWindow, bounds: AutoLimitBounds): AutoLimitStep {
  if (state.isStarting && (window.ratio ?? WAITS_INSIDE) < WAITS_INSIDE)
    return move(state, clamp(GROWTH_AT_START * state.limit, bounds), 'room-for-more')
  return stepAfterStart({ ...state, isStarting: false }, window, bounds)
}

function stepAfterStart(state: AutoLimitState, window: LoadWindow, bounds: AutoLimitBounds): AutoLimitStep {
  const wanted = wantedLimit(window, bounds)
  if (wanted > state.limit) return move(state, Math.min(wanted, nextUp(state.limit)), 'room-for-more')
  return shrink(state, wanted, window, bounds)
}

/** Requests wait for the sake of others, for whom places are kept free: the limit itself was not reached. */
function stepWhenShared(state: AutoLimitState, window: LoadWindow, bounds: AutoLimitBounds): AutoLimitStep {
  if ((window.ratio ?? 1) >= WAITS_INSIDE) {
    const { growthHoldMs } = state
    const held = {
      ...state,
      growthHoldUntilMs: window.nowMs + growthHoldMs,
      growthHoldMs: Math.min(2 * growthHoldMs, LONGEST_GROWTH_HOLD_MS),
    }
    const step = shrink(held, Math.min(state.limit, wantedLimit(window, bounds)), window, bounds)
    // With fewer places for those who may wait, throughput is meant to fall.
    return { ...step, state: { ...step.state, trial: null } }
  }
  if (window.nowMs < state.growthHoldUntilMs) return stay(state, 'places-kept-free')
  return move(state, clamp(nextUp(state.limit), bounds), 'room-for-more')
}

function wantedLimit({ unloadedMs, elapsedMs }: LoadWindow, bounds: AutoLimitBounds): number {
  return clamp(Math.round((unloadedMs / elapsedMs) * HEADROOM) + 1, bounds)
}

function nextUp(limit: number): number {
  return Math.max(limit + 1, Math.ceil(limit * LARGEST_GROWTH))
}

function shrink(
  state: AutoLimitState,
  wanted: number,
  { nowMs, answers, elapsedMs, ratio }: LoadWindow,
  bounds: AutoLimitBounds,
): AutoLimitStep {
  if (wanted >= state.limit || (ratio ?? 1) < WAITS_INSIDE) return stay(state, 'settled')
  if (nowMs < state.holdUntilMs) return stay(state, 'held')
  const limit = clamp(Math.max(wanted, Math.floor(state.limit * LARGEST_SHRINK)), bounds)
  const trial = { from: state.limit, throughput: answers / elapsedMs }
  return { state: { ...state, limit, trial }, reason: 'waits-inside', rebase: false, consumed: true }
}

/** The step down before has cost throughput. */
function hasCost({ trial }: AutoLimitState, { answers, elapsedMs }: LoadWindow): boolean {
  return trial !== null && answers / elapsedMs < trial.throughput * COST
}

function undo(state: AutoLimitState, { nowMs }: LoadWindow, bounds: AutoLimitBounds): AutoLimitStep {
  const limit = clamp(state.trial?.from ?? state.limit, bounds)
  const undone = { ...state, limit, trial: null, holdUntilMs: nowMs + HOLD_MS }
  return { state: undone, reason: 'cost-throughput', rebase: true, consumed: true }
}

function isEnough({ elapsedMs, answers }: LoadWindow): boolean {
  return (elapsedMs >= ENOUGH_MS && answers >= ENOUGH_ANSWERS) || (elapsedMs >= LONG_MS && answers >= FEW_ANSWERS)
}

/** Nothing ends and nothing fails: it is blocked (a lock, long polls), and more requests do no harm to it. */
function widen(state: AutoLimitState, bounds: AutoLimitBounds): AutoLimitStep {
  const wider = Math.min(Math.ceil(state.limit * STALL_GROWTH), Math.max(state.limit, STALL_MAX))
  return move({ ...state, isStarting: false, trial: null }, clamp(wider, bounds), 'stalled')
}

function move(state: AutoLimitState, limit: number, reason: AutoLimitReason): AutoLimitStep {
  return { state: { ...state, limit }, reason, rebase: false, consumed: true }
}

function stay(state: AutoLimitState, reason: AutoLimitReason): AutoLimitStep {
  return { state, reason, rebase: false, consumed: true }
}

function clamp(limit: number, { min, max }: AutoLimitBounds): number {
  return Math.max(min, Math.min(max, limit))
}
