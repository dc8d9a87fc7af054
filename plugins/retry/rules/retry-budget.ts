/**
 * The retry budget of one upstream: further attempts may run as a share of the running requests, and beside that some
 * per second, so that a quiet app has them too. Without it, retries would multiply an overload.
 */

/** The floor gathers while it is not used, for at most this long: a restart fails everything that runs at once. */
export const FLOOR_WINDOW_MS = 10_000

export interface BudgetLimits {
  /** Most retries and hedges that run, as a share of the running requests. */
  ratio: number
  /** Retries per second beside the share. */
  floorPerSecond: number
}

/** Limits may be changed while it lives; they count from the next retry on. Times by any monotonic clock, in ms. */
export class RetryBudget {
  readonly #limits: BudgetLimits
  /** Requests that run, and how many further attempts of them. */
  active = 0
  retrying = 0
  #tokens: number
  #filledMs: number

  constructor(limits: BudgetLimits, nowMs: number) {
    this.#limits = limits
    this.#tokens = this.#capacity
    this.#filledMs = nowMs
  }

  /** Takes a place for one further attempt, to be given back with `done`; false = the budget is spent. */
  take(nowMs: number): boolean {
    if (!this.#hasPlace(nowMs)) return false
    this.retrying++
    return true
  }

  done(): void {
    this.retrying--
  }

  #hasPlace(nowMs: number): boolean {
    if (this.retrying < Math.floor(this.active * this.#limits.ratio)) return true
    const earned = ((nowMs - this.#filledMs) / 1000) * this.#limits.floorPerSecond
    this.#tokens = Math.min(this.#capacity, this.#tokens + earned)
    this.#filledMs = nowMs
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  get #capacity(): number {
    return (this.#limits.floorPerSecond * FLOOR_WINDOW_MS) / 1000
  }
}
