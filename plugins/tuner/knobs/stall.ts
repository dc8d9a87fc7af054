/**
 * An upstream that is blocked, not overloaded: all slots are held and nothing comes back, not even failures. Shedding
 * would help nobody; more slots let through what is not blocked. Where they let through nothing either, they are taken
 * back; and where clients lose patience before anything comes back, fewer and fewer may enter: what has drowned in its own
 * work gets out of it only so, and what is blocked loses nothing by it.
 */
import type { Book } from '../guard/book.ts'
import { clamp, rounded } from '../model/numbers.ts'
import type { UpstreamMemory } from '../model/upstream-memory.ts'
import { LEAST_SLOTS } from './floor.ts'

const STALL_WINDOWS = 2
/** So many answers must be missing as well: an upstream whose answers take seconds is silent for seconds. */
const MISSING = 6
/** Silent for so many windows is silent, however seldom it answers. */
const MOST_MISSING = 20
const STALL_MOST = 64
const STALL_WIDENS = 2
/** Windows after which more slots would have let something through. */
const IN_VAIN = 8
/** Windows of silence, with clients who have left, until it counts as drowned; and until each further step. */
const DROWNED = 12
const DROWNED_STEP = 5
/** Stalls with fewer windows between them have one cause that stays: something that lasts holds slots. */
const STALLS_TOGETHER = 60

export type StallState = 'flowing' | 'stalled' | 'widened' | 'over' | 'drained'

export class StallWatch {
  readonly #upstream: UpstreamMemory
  readonly #book: Book
  #stalled = 0
  /** Finished a second before the silence. */
  #rate = 0
  #limitBefore = 0
  #widenedAt = 0
  #haveLeft = 0
  #isDrained = false
  #leftAt = Number.NEGATIVE_INFINITY

  constructor(upstream: UpstreamMemory, book: Book) {
    this.#upstream = upstream
    this.#book = book
  }

  /** Fewer are let in until it answers again; what clients get meanwhile says nothing of other knobs. */
  get isDraining(): boolean {
    return this.#isDrained
  }

  decide(limit: number): StallState {
    const { now, rate } = this.#upstream
    const slots = this.#limitBefore > 0 ? Math.min(limit, this.#limitBefore) : limit
    const isStill = now.ok + now.failed === 0 && now.inflightAvg >= 0.9 * slots
    if (!isStill) {
      this.#stalled = 0
      this.#haveLeft = 0
      if (now.ok > 0) this.#rate = rate
      if (this.#limitBefore === 0 || now.ok === 0) return 'flowing'
      return this.#leave()
    }
    this.#stalled++
    for (const { gaveUp } of this.#upstream.routes) this.#haveLeft += gaveUp
    const missing = this.#rate > 0 ? MISSING / this.#rate : MISSING
    if (this.#stalled < clamp(missing, STALL_WINDOWS, MOST_MISSING)) return 'flowing'
    if (this.#haveLeft > 0) return this.#stalled >= DROWNED ? this.#drain(limit) : 'stalled'
    if (this.#limitBefore === 0 && limit < STALL_MOST) return this.#widen(limit)
    if (limit > this.#limitBefore && this.#limitBefore > 0 && this.#stalled >= this.#widenedAt + IN_VAIN)
      this.#set(this.#limitBefore, 'more slots have let nothing through', 'nothing is added to what is stuck')
    return 'stalled'
  }

  #widen(limit: number): StallState {
    this.#limitBefore = limit
    this.#widenedAt = this.#stalled
    const why = 'all slots are held and nothing comes back: the upstream is blocked, not overloaded'
    this.#set(Math.min(STALL_MOST, STALL_WIDENS * limit), why, 'what is not blocked gets through')
    return 'widened'
  }

  #drain(limit: number): StallState {
    if (this.#limitBefore === 0) this.#limitBefore = limit
    if (limit <= LEAST_SLOTS || (this.#stalled - DROWNED) % DROWNED_STEP !== 0) return 'stalled'
    this.#isDrained = true
    const why = 'clients leave before anything comes back: it has drowned in its own work'
    this.#set(
      Math.max(LEAST_SLOTS, Math.round(Math.min(limit, this.#limitBefore) / 2)),
      why,
      'it gets through what it has',
    )
    return 'stalled'
  }

  /** Back to the limit of before, unless that is known to be held again at once, or is what it has drowned in. */
  #leave(): StallState {
    const { now } = this.#book
    const isAgain = now - this.#leftAt < STALLS_TOGETHER
    const wasDrained = this.#isDrained
    this.#leftAt = now
    if (!isAgain && !wasDrained) this.#set(this.#limitBefore, 'the upstream answers again', 'as before it was blocked')
    this.#limitBefore = 0
    this.#isDrained = false
    return wasDrained ? 'drained' : 'over'
  }

  #set(to: number, hypothesis: string, expected: string): void {
    const { id, look, now } = this.#upstream
    this.#book.change({
      scope: 'upstream',
      target: id,
      knob: 'maxConcurrency',
      to,
      protects: to < this.#book.number('upstream', id, 'maxConcurrency', to),
      hypothesis,
      evidence: {
        windows: this.#stalled,
        inFlight: rounded(look.inflight / Math.max(1, look.windows)),
        ok: now.ok,
        left: this.#haveLeft,
      },
      expected,
    })
  }
}
