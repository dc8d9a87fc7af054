/**
 * One group of origins by its name (in the gateway one route): its settings, its share of the limiter that it has in
 * common with others of the same origins, and how fast its origins answer it.
 */
import { AnswerTimes } from './answer-times.ts'
import type { Limiter } from './limiter.ts'
import type { LaneOptions } from './options.ts'
import { ANSWER_KINDS } from './rules/answer-kind.ts'
import { isBelievedHeld, learnShape, pathShape, type ShapeHistory, unknownShape } from './rules/long-held.ts'
import type { LaneCounters } from './signals.ts'

/** Path shapes of one lane that are remembered because a request of them was held. */
const MAX_SHAPES = 64

export class Lane {
  readonly name: string
  readonly limiter: Limiter
  readonly count: LaneCounters
  /** Keeps the group for who waits, also when a reload takes it away; to be called back when that is over. */
  readonly hold: () => () => void
  options: LaneOptions
  queue: number
  queueTimeoutMs: number
  queueOrder: LaneOptions['queueOrder']
  /** Requests that hold a place. */
  inFlight = 0
  waiting = 0
  /** Requests that run without a place: their time says nothing of the origin. */
  held = 0
  /** When a request of it came last, as far as it was looked at; by `performance.now()`. */
  seenMs = Number.NEGATIVE_INFINITY
  /** Others use the same origins, so that it may hold its share of the places only. */
  isShared = false
  readonly #times = new Array<AnswerTimes | null>(ANSWER_KINDS).fill(null)
  readonly #shapes = new Map<string, ShapeHistory>()

  constructor(name: string, options: LaneOptions, limiter: Limiter, { count, hold }: Pick<Lane, 'count' | 'hold'>) {
    this.name = name
    this.limiter = limiter
    this.count = count
    this.hold = hold
    this.options = options
    this.queue = options.queue
    this.queueTimeoutMs = options.queueTimeoutMs
    this.queueOrder = options.queueOrder
  }

  configure(options: LaneOptions): void {
    this.options = options
    this.queue = options.queue
    this.queueTimeoutMs = options.queueTimeoutMs
    this.queueOrder = options.queueOrder
  }

  get isIdle(): boolean {
    return this.inFlight === 0 && this.waiting === 0 && this.held === 0
  }

  timesOf(kind: number): AnswerTimes {
    const known = this.#times[kind]
    if (known !== null && known !== undefined) return known
    const times = new AnswerTimes()
    this.#times[kind] = times
    return times
  }

  /** Ends the window of measurement; see `AnswerTimes.nextWindow`. */
  nextWindow(rebase: boolean): void {
    for (const times of this.#times) times?.nextWindow(rebase)
  }

  expectsHeld(target: string): boolean {
    if (this.#shapes.size === 0) return false
    const history = this.#shapes.get(pathShape(target))
    return history !== undefined && isBelievedHeld(history)
  }

  /** A request for `target` was found to be held, or was answered quickly. */
  learn(target: string, wasHeld: boolean): void {
    if (!wasHeld && this.#shapes.size === 0) return
    const shape = pathShape(target)
    const history = this.#shapes.get(shape)
    if (history === undefined && !wasHeld) return
    this.#shapes.delete(shape)
    const learned = learnShape(history ?? unknownShape, wasHeld)
    if (learned.held === 0) return
    this.#shapes.set(shape, learned)
    if (this.#shapes.size > MAX_SHAPES) this.#shapes.delete(this.#shapes.keys().next().value as string)
  }
}
