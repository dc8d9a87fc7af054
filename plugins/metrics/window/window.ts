/**
 * The last minutes of one route as a ring of short spans: a sum over any number of them is a window of time.
 */
import type { RequestRecord } from '../../contract/index.ts'
import { Tally } from './tally.ts'

/** Spans that are kept; the window is one less, since the youngest is not over. */
export const SPANS = 11

export class Window {
  readonly #spanMs: number
  /** By number; made when the first record falls into it. */
  readonly #spans: (Tally | undefined)[] = []
  /** Number of the span that records go into, counted from the clock's zero. */
  #current = -1

  /** @param windowMs longest window that can be asked for */
  constructor(windowMs: number) {
    this.#spanMs = windowMs / (SPANS - 1)
  }

  record(record: RequestRecord): void {
    this.#spanAt(record.endedMs).record(record)
  }

  /** Sum of what ended within the window up to `nowMs`, the running span included. */
  sum(nowMs: number): Tally {
    this.#spanAt(nowMs)
    const total = new Tally()
    for (const span of this.#spans) if (span !== undefined && span.count > 0) total.add(span)
    return total
  }

  /** Spans that lie between are emptied when time has moved on; records that come late go into the current one. */
  #spanAt(timeMs: number): Tally {
    const number = Math.floor(timeMs / this.#spanMs)
    if (number > this.#current) {
      const steps = this.#current < 0 ? 1 : Math.min(number - this.#current, SPANS)
      for (let i = 0; i < steps; i++) this.#spans[(number - i) % SPANS]?.reset()
      this.#current = number
    }
    const at = this.#current % SPANS
    let span = this.#spans[at]
    if (span === undefined) {
      span = new Tally()
      this.#spans[at] = span
    }
    return span
  }
}
