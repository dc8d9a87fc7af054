/**
 * The limit of one limiter and who moves it: the configuration (a number), a tuner through the tunable, or, until a tuner
 * has spoken, the rule in rules/auto-limit.ts.
 */
import { median } from './answer-times.ts'
import { type CrowdedAnswer, FirstCrowd } from './first-crowd.ts'
import type { Lane } from './lane.ts'
import {
  AUTO_MIN,
  type AutoLimitBounds,
  type AutoLimitReason,
  type AutoLimitState,
  startAutoLimit,
  stepAutoLimit,
} from './rules/auto-limit.ts'

/**
 * An origin that answers within this time alone counts as one that needs as long. What is measured of it under load is
 * mostly the turn of our own event loop; a wait that short is nobody's, and nothing in it needs an order.
 */
const UNNOTICED_MS = 10
/** Ratios of one window that the median is taken of. */
const MAX_RATIOS = 256

export type LimitMode = 'fixed' | 'auto' | 'steered'
export type LimitReason = AutoLimitReason | 'far-too-many'

export class LimitFinder {
  limit: number
  mode: LimitMode
  reason: LimitReason | null = null
  /** Median of latency over unloaded latency in the last window; null = not known. */
  lastRatio: number | null = null
  /** What the first look has found, until somebody else moves the limit; 0 = nothing. */
  foundAtFirst = 0
  /** How long the answers of that crowd take alone, each compared with its own kind; ms. */
  aloneAtFirstMs = 0
  onChange: () => void = () => {}
  /** Nobody has moved the limit yet: it is where every limit begins. */
  #isFirst: boolean
  readonly #crowd = new FirstCrowd()
  #bounds: AutoLimitBounds
  #state: AutoLimitState
  #startMs = performance.now()
  #sent = 0
  #filled = 0
  #answers = 0
  /** Answers of a kind whose unloaded latency is known. */
  #compared = 0
  #unloadedMs = 0
  #lastAnswerMs = performance.now()
  #waitedMs = 0
  #waitsSinceMs: number | null = null
  readonly #ratios: number[] = []

  /** @param configured a number, or null = to be found, at most `max` */
  constructor(configured: number | null, max: number) {
    this.#bounds = { min: AUTO_MIN, max: Math.max(AUTO_MIN, max) }
    this.#state = startAutoLimit(this.#bounds)
    this.mode = configured === null ? 'auto' : 'fixed'
    this.limit = configured ?? this.#state.limit
    this.#isFirst = configured === null
  }

  /** Of a changed configuration; what was found so far stays where it still may. */
  configure(configured: number | null, max: number): void {
    this.#bounds = { min: AUTO_MIN, max: Math.max(AUTO_MIN, max) }
    if (configured !== null) {
      this.mode = 'fixed'
      this.#moved()
      return this.#set(configured)
    }
    const wasFixed = this.mode === 'fixed'
    if (wasFixed) this.mode = 'auto'
    const limit = wasFixed ? startAutoLimit(this.#bounds).limit : Math.min(this.limit, this.#bounds.max)
    this.#state = { ...startAutoLimit(this.#bounds), limit }
    this.#set(limit)
  }

  /**
   * By a tuner or a person: from now on nobody else moves it. A tuner begins by saying what stands already, which tells
   * nothing of the origins: the first look is still open then. Who says it again means it.
   */
  steer(limit: number): void {
    if (this.mode === 'steered' || limit !== this.limit) this.#moved()
    this.mode = 'steered'
    this.#state = { ...startAutoLimit(this.#bounds), limit }
    this.#set(limit)
  }

  noteWaiting(isWaiting: boolean, nowMs: number): void {
    if (isWaiting === (this.#waitsSinceMs !== null)) return
    if (this.#waitsSinceMs !== null) this.#waitedMs += nowMs - this.#waitsSinceMs
    this.#waitsSinceMs = isWaiting ? nowMs : null
    if (this.#isFirst) this.#crowd.noteWaiting(isWaiting, nowMs)
  }

  /** A request got a place; `isFull`: it was the last one. */
  noteSent(isFull: boolean): void {
    this.#sent++
    if (isFull) this.#filled++
  }

  /** `seenAlone`: answers that `unloadedMs` is the median of. */
  noteAnswer(unloadedMs: number | null, ms: number, nowMs: number, seenAlone = 0): void {
    this.#answers++
    this.#lastAnswerMs = nowMs
    const aloneMs = unloadedMs === null ? null : Math.max(unloadedMs, UNNOTICED_MS)
    if (aloneMs !== null) {
      this.#compared++
      this.#unloadedMs += aloneMs
      if (this.#ratios.length < MAX_RATIOS) this.#ratios.push(ms / aloneMs)
    }
    if (this.#isFirst) this.#lookFirst({ aloneMs, seenAlone, ms, nowMs })
  }

  #lookFirst(answer: CrowdedAnswer): void {
    const look = this.#crowd.look(this.limit, answer)
    if (look === null || !look.shrink) return
    const limit = Math.max(this.#bounds.min, look.to)
    this.#moved()
    this.foundAtFirst = limit
    this.aloneAtFirstMs = look.aloneMs
    this.reason = look.reason
    this.#state = { ...startAutoLimit(this.#bounds), isStarting: false, limit }
    this.#set(limit)
  }

  #moved(): void {
    this.#isFirst = false
    this.foundAtFirst = 0
  }

  /** One look at the window; often it goes on being measured. */
  step(lanes: readonly Lane[], isFull: boolean, nowMs: number): void {
    const elapsedMs = nowMs - this.#startMs
    const waitedMs = this.#waitedMs + (this.#waitsSinceMs === null ? 0 : nowMs - this.#waitsSinceMs)
    const ratio = median(this.#ratios)
    const step = stepAutoLimit(
      this.#state,
      {
        nowMs,
        elapsedMs,
        answers: this.#answers,
        unloadedMs: this.#compared === 0 ? 0 : (this.#unloadedMs * this.#answers) / this.#compared,
        ratio,
        waitedShare: waitedMs / elapsedMs,
        filledShare: this.#sent === 0 ? 0 : this.#filled / this.#sent,
        isFull,
        lastAnswerMs: this.#lastAnswerMs,
      },
      this.#bounds,
    )
    if (!step.consumed) return
    this.lastRatio = ratio ?? this.lastRatio
    this.#nextWindow(lanes, step.rebase, nowMs)
    this.reason = step.reason
    if (this.mode !== 'auto') return
    if (step.state.limit !== this.limit) this.#moved()
    this.#state = step.state
    this.#set(step.state.limit)
  }

  #nextWindow(lanes: readonly Lane[], rebase: boolean, nowMs: number): void {
    for (const lane of lanes) lane.nextWindow(rebase)
    this.#startMs = nowMs
    this.#sent = 0
    this.#filled = 0
    this.#answers = 0
    this.#compared = 0
    this.#unloadedMs = 0
    this.#ratios.length = 0
    this.#waitedMs = 0
    if (this.#waitsSinceMs !== null) this.#waitsSinceMs = nowMs
  }

  #set(limit: number): void {
    if (limit === this.limit) return
    this.limit = limit
    this.onChange()
  }
}
