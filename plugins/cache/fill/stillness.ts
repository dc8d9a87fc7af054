/**
 * Whether an origin has stopped in the middle of an answer: looked at by the sweep, so that bytes that come cost nothing.
 */
export class Stillness {
  #total = 0
  #sinceMs = 0

  /**
   * Whether nothing has come for longer than `mostMs`. Not where it is the readers who take nothing.
   * @param total bytes that have come
   */
  exceeds(mostMs: number, { total, isPaused, nowMs }: Look): boolean {
    if (total !== this.#total || isPaused || this.#sinceMs === 0) {
      this.#total = total
      this.#sinceMs = nowMs
    }
    return nowMs - this.#sinceMs > mostMs
  }
}

export interface Look {
  readonly total: number
  readonly isPaused: boolean
  readonly nowMs: number
}
