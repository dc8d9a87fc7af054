/**
 * Whether an origin is well, from what its attempts showed: left out after failures for a time that grows, then tried with
 * one request, then taken back. Pure over the times that it is given (`performance.now()`, ms).
 */
import type { FailureKind } from '../errors.ts'

export type HealthState = 'healthy' | 'ejected' | 'half-open'
export type EjectReason = 'connect' | 'consecutive' | 'ratio' | 'slow' | 'probe'

/** Failures in a row that leave an origin out. */
export const CONSECUTIVE_FAILURES = 5
/** Share of failures that leaves it out, among at least so many attempts of one window. */
export const FAILURE_RATIO = 0.5
export const RATIO_ATTEMPTS = 20
const WINDOW_MS = 10_000
/** The time doubles with each ejection up to this many times the first, and starts again after a calm while. */
export const MAX_GROWTH = 16
const CALM_MS = 60_000

/** No connection could be had. */
export const connectKinds: ReadonlySet<FailureKind> = new Set([
  'dns',
  'refused',
  'unreachable',
  'connectTimeout',
  'certificate',
  'tls',
])
/** Failures that are the origin's own; not a full queue, and not a client who left. */
const originKinds: ReadonlySet<FailureKind> = new Set([
  'reset',
  'incomplete',
  'invalid',
  'headTooLarge',
  'headTimeout',
  'bodyTimeout',
])

export class OriginHealth {
  /** Left out until then; 0 = well. */
  untilMs = 0
  /** Taken back then, 0 = never left out. */
  recoveredMs = 0
  #ejectMs: number
  #ejections = 0
  #lastFailureMs = 0
  #inRow = 0
  #windowStartMs = 0
  #attempts = 0
  #failures = 0

  /** `ejectMs`: the first time that it is left out for; 0 = never. */
  constructor(ejectMs: number) {
    this.#ejectMs = ejectMs
  }

  set ejectMs(ms: number) {
    this.#ejectMs = ms
  }

  stateAt(nowMs: number): HealthState {
    if (this.untilMs === 0) return 'healthy'
    return nowMs < this.untilMs ? 'ejected' : 'half-open'
  }

  /** An attempt has brought an answer, or a connection. True = it has just recovered. */
  succeeded(nowMs: number): boolean {
    this.#inRow = 0
    this.#count(nowMs, 0)
    if (nowMs - this.#lastFailureMs > CALM_MS) this.#ejections = 0
    if (this.untilMs === 0) return false
    this.untilMs = 0
    this.recoveredMs = nowMs
    return true
  }

  /** An attempt has failed, or was answered with a status that stands for it; the reason if that leaves it out. */
  failed(kind: FailureKind | 'status', nowMs: number): EjectReason | null {
    if (kind !== 'status' && connectKinds.has(kind)) return this.eject('connect', nowMs)
    if (kind !== 'status' && !originKinds.has(kind)) return null
    this.#lastFailureMs = nowMs
    this.#count(nowMs, 1)
    // The one request that tried it was the proof.
    if (this.untilMs !== 0) return this.eject('consecutive', nowMs)
    if (++this.#inRow >= CONSECUTIVE_FAILURES) return this.eject('consecutive', nowMs)
    const isBad = this.#attempts >= RATIO_ATTEMPTS && this.#failures / this.#attempts >= FAILURE_RATIO
    return isBad ? this.eject('ratio', nowMs) : null
  }

  /** Leaves it out, and for longer each time. Null while it is left out already, or where that is off. */
  eject(reason: EjectReason, nowMs: number): EjectReason | null {
    this.#lastFailureMs = nowMs
    if (this.#ejectMs === 0 || nowMs < this.untilMs) return null
    this.untilMs = nowMs + this.#ejectMs * Math.min(2 ** this.#ejections, MAX_GROWTH)
    this.#ejections++
    this.#inRow = 0
    this.#attempts = 0
    this.#failures = 0
    return reason
  }

  #count(nowMs: number, failures: number): void {
    if (nowMs - this.#windowStartMs > WINDOW_MS) {
      this.#windowStartMs = nowMs
      this.#attempts = 0
      this.#failures = 0
    }
    this.#attempts++
    this.#failures += failures
  }
}
