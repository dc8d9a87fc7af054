/**
 * Counts what a crowd shows from the moment at which requests began to wait, for the first look at it.
 */
import { type Crowd, decideFirstLook, type FirstLook } from './rules/first-look.ts'

/** Answers of one crowd; more of them have been decided about. */
const MAX_ANSWERS = 256
/** Times that a kind was seen alone: once may have been a lucky one. */
const SEEN_ALONE = 2

/** One answer. `aloneMs` = null where its kind was never seen alone. */
export interface CrowdedAnswer {
  readonly aloneMs: number | null
  /** How many answers that is the median of. */
  readonly seenAlone: number
  readonly ms: number
  readonly nowMs: number
}

export class FirstCrowd {
  #sinceMs: number | null = null
  #answers = 0
  #unloadedMs = 0
  readonly #ratios: number[] = []

  /** Requests begin to wait, or none waits any more. */
  noteWaiting(isWaiting: boolean, nowMs: number): void {
    this.#sinceMs = isWaiting ? nowMs : null
    this.#answers = 0
    this.#unloadedMs = 0
    this.#ratios.length = 0
  }

  /** Null while nobody waits, or where it has been decided long ago. */
  look(limit: number, { aloneMs, seenAlone, ms, nowMs }: CrowdedAnswer): FirstLook | null {
    if (this.#sinceMs === null || this.#answers >= MAX_ANSWERS) return null
    this.#answers++
    if (aloneMs !== null && seenAlone >= SEEN_ALONE) {
      this.#unloadedMs += aloneMs
      this.#ratios.push(ms / aloneMs)
    }
    const crowd: Crowd = {
      limit,
      elapsedMs: nowMs - this.#sinceMs,
      answers: this.#answers,
      ratios: this.#ratios,
      unloadedMs: this.#unloadedMs,
    }
    return decideFirstLook(crowd)
  }
}
