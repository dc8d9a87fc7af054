/**
 * An upstream that is blocked, not overloaded: all slots are held and nothing comes back, not even failures. Shedding
 * would help nobody; more slots let through what is not blocked.
 */
import type { Book } from '../guard/book.ts'
import { rounded } from '../model/numbers.ts'
import type { UpstreamMemory } from '../model/upstream-memory.ts'

const STALL_WINDOWS = 2
const STALL_MOST = 64
const STALL_WIDENS = 2
/** Stalls with fewer windows between them have one cause that stays: something that lasts holds slots. */
const STALLS_TOGETHER = 60

export type StallState = 'flowing' | 'stalled' | 'widened' | 'over'

export class StallWatch {
  readonly #upstream: UpstreamMemory
  readonly #book: Book
  #stalled = 0
  #limitBefore = 0
  #leftAt = Number.NEGATIVE_INFINITY

  constructor(upstream: UpstreamMemory, book: Book) {
    this.#upstream = upstream
    this.#book = book
  }

  decide(limit: number): StallState {
    const { now } = this.#upstream
    const isStill = now.ok + now.failed === 0 && now.inflightAvg >= 0.9 * limit
    if (!isStill) {
      this.#stalled = 0
      if (this.#limitBefore === 0 || now.ok === 0) return 'flowing'
      this.#leave()
      return 'over'
    }
    this.#stalled++
    if (this.#stalled < STALL_WINDOWS) return 'flowing'
    if (this.#limitBefore > 0 || limit >= STALL_MOST) return 'stalled'
    this.#widen(limit)
    return 'widened'
  }

  #widen(limit: number): void {
    const { look } = this.#upstream
    this.#limitBefore = limit
    this.#book.change({
      scope: 'upstream',
      target: this.#upstream.id,
      knob: 'maxConcurrency',
      to: Math.min(STALL_MOST, STALL_WIDENS * limit),
      hypothesis: 'all slots are held and nothing comes back: the upstream is blocked, not overloaded',
      evidence: { windows: this.#stalled, inFlight: rounded(look.inflight / Math.max(1, look.windows)) },
      expected: 'what is not blocked gets through',
    })
  }

  /** Back to the limit of before, unless that is known to be held again at once. */
  #leave(): void {
    const { now } = this.#book
    const isAgain = now - this.#leftAt < STALLS_TOGETHER
    this.#leftAt = now
    if (!isAgain) {
      this.#book.change({
        scope: 'upstream',
        target: this.#upstream.id,
        knob: 'maxConcurrency',
        to: this.#limitBefore,
        protects: true,
        hypothesis: 'the upstream answers again',
        evidence: { ok: this.#upstream.now.ok },
        expected: 'as before it was blocked',
      })
    }
    this.#limitBefore = 0
  }
}
