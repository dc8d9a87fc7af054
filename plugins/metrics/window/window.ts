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

  readonly #spanOver: (span: Tally, beganMs: number) => void

  /**
   * @param windowMs longest window that can be asked for
   * @param spanOver told each span that had requests, once, when it is over; it keeps nothing of the object
   */
  constructor(windowMs: number, spanOver: (span: Tally, beganMs: number) => void = () => {}) {
    this.#spanMs = windowMs / (SPANS - 1)
    this.#spanOver = spanOver
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

  /** The running span, which is not over yet; null = nothing came in it. */
  get running(): Tally | null {
    const span = this.#current < 0 ? undefined : this.#spans[this.#current % SPANS]
    return span === undefined || span.count === 0 ? null : span
  }

  /** Closes the running span where its time is over. */
  advance(nowMs: number): void {
    this.#spanAt(nowMs)
  }

  #endSpan(): void {
    const { running } = this
    if (running !== null) this.#spanOver(running, this.#current * this.#spanMs)
  }

  /** Spans that lie between are emptied when time has moved on; records that come late go into the current one. */
  #spanAt(timeMs: number): Tally {
    const number = Math.floor(timeMs / this.#spanMs)
    if (number > this.#current) {
      this.#endSpan()
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
