/**
 * A second attempt beside a slow first one: whoever answers first stands, the other is ended.
 */
import { upstreamFailure } from '../upstream/index.ts'
import type { Attempt } from './attempt.ts'
import { type Due, ticksAtLeast } from './due-times.ts'
import type { UpstreamState } from './upstream-state.ts'

export interface Raced {
  readonly state: UpstreamState
  /** The first attempt, while nothing of an answer is there. */
  readonly waiting: Attempt | null
  /** Sends the second one; null where it may not be sent. */
  sendHedge(): Attempt | null
}

export class Race implements Due {
  bagIndex = -1
  dueTick = 0
  readonly #host: Raced
  #first: Attempt | null = null
  #hedge: Attempt | null = null

  constructor(host: Raced, delayMs: number) {
    this.#host = host
    host.state.times.add(this, ticksAtLeast(delayMs))
  }

  get attempts(): number {
    return this.#hedge?.exchange?.attempts ?? 0
  }

  onDue(): void {
    this.#first = this.#host.waiting
    if (this.#first === null) return
    this.#hedge = this.#host.sendHedge()
    if (this.#hedge === null) return
    this.#host.state.count.hedge('sent')
  }

  /** The other of the two that run; null where there is none. */
  otherOf(attempt: Attempt): Attempt | null {
    if (this.#hedge === null) return null
    return attempt === this.#hedge ? this.#first : attempt === this.#first ? this.#hedge : null
  }

  /** `attempt` has answered: the other is ended. */
  wonBy(attempt: Attempt): void {
    const loser = this.otherOf(attempt)
    this.#host.state.times.delete(this)
    if (loser === null) return
    const now = performance.now()
    const { hedging, count } = this.#host.state
    hedging.decided(attempt.isHedge, now)
    if (attempt.isHedge) {
      count.hedge('won')
      hedging.noteGivenUp(now - loser.startedMs)
    }
    this.#end(loser)
  }

  /** `attempt` has failed: the other one goes on alone and is returned. */
  lostBy(attempt: Attempt): Attempt | null {
    const other = this.otherOf(attempt)
    this.#first = null
    this.#hedge = null
    return other
  }

  /** The request is over: what still runs of it is ended. */
  close(): void {
    this.#host.state.times.delete(this)
    if (this.#hedge !== null && this.#first !== null) {
      this.#first.giveUp(notNeeded())
      this.#hedge.giveUp(notNeeded())
    }
    this.#first = null
    this.#hedge = null
  }

  #end(loser: Attempt): void {
    this.#first = null
    this.#hedge = null
    loser.giveUp(notNeeded())
  }
}

function notNeeded(): Error {
  return upstreamFailure('aborted', false, new Error('the other attempt answered first'))
}
