/**
 * How many connections the use of the last minutes needed at once, so that no more are kept warm than a burst would
 * take. Sampled by the sweep.
 */

const WINDOW_MS = 60_000
const WINDOWS = 5
/** A pool that nobody has used for this long keeps nothing warm. */
export const UNUSED_AFTER_MS = 30_000

export class WarmDemand {
  readonly #peaks = new Array<number>(WINDOWS).fill(0)
  #window = -1
  #lastUseMs = Number.NEGATIVE_INFINITY

  /** Requests in flight now. */
  note(nowMs: number, inFlight: number): void {
    const window = Math.floor(nowMs / WINDOW_MS)
    if (window !== this.#window) {
      this.#window = window
      this.#peaks[window % WINDOWS] = 0
    }
    if (inFlight === 0) return
    this.#lastUseMs = nowMs
    this.#peaks[window % WINDOWS] = Math.max(this.#peaks[window % WINDOWS] ?? 0, inFlight)
  }

  /** The most that ran at once in the last five minutes; 0 when unused. */
  wanted(nowMs: number): number {
    return nowMs - this.#lastUseMs > UNUSED_AFTER_MS ? 0 : Math.max(...this.#peaks)
  }
}
