/**
 * How long the answers of one kind take: when hardly anything else runs at the origins (the median of the last ones), and
 * in the window that is being measured.
 */

/** Requests that the unloaded median is taken of. */
const RING = 60
/** Latencies of one window that its median is taken of. */
const MAX_LATENCIES = 256

export class AnswerTimes {
  readonly #ring: number[] = []
  #next = 0
  #median: number | null = null
  #isCurrent = true
  readonly #window: number[] = []

  /** Latency without load in ms; null = nothing known. */
  get unloadedMs(): number | null {
    if (!this.#isCurrent) {
      this.#median = median(this.#ring)
      this.#isCurrent = true
    }
    return this.#median
  }

  /** Answers that this is the median of. */
  get seenUnloaded(): number {
    return this.#ring.length
  }

  add(ms: number, foundIdle: boolean): void {
    if (foundIdle) this.#addUnloaded(ms)
    if (this.#window.length < MAX_LATENCIES) this.#window.push(ms)
  }

  /** Ends the window. An origin that is faster than it was thought to be, or `rebase`, sets the unloaded time. */
  nextWindow(rebase: boolean): void {
    const middle = median(this.#window)
    this.#window.length = 0
    const known = this.unloadedMs
    if (middle === null || known === null || (middle >= known && !rebase)) return
    this.#ring.length = 0
    this.#next = 0
    this.#addUnloaded(middle)
  }

  #addUnloaded(ms: number): void {
    this.#ring[this.#next] = ms
    this.#next = (this.#next + 1) % RING
    this.#isCurrent = false
  }
}

/** Null of nothing. */
export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? null
}
