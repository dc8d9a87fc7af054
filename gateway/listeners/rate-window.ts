/** Counts events in windows of fixed length: enough to tell a flood from use. */
export class RateWindow {
  readonly #limit: number
  readonly #lengthMs: number
  #startMs = Number.NEGATIVE_INFINITY
  #count = 0

  constructor(limit: number, lengthMs: number) {
    this.#limit = limit
    this.#lengthMs = lengthMs
  }

  /** Counts one event; true when it is beyond the limit of its window. */
  exceeds(nowMs: number): boolean {
    if (nowMs - this.#startMs >= this.#lengthMs) {
      this.#startMs = nowMs
      this.#count = 0
    }
    return ++this.#count > this.#limit
  }
}
