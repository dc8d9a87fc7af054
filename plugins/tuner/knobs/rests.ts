/**
 * When the limit of an upstream may move again, and how far. What had to be taken back or brought nothing is tried again, but
 * later each time; what may have broken an app is not tried for an hour.
 */
import type { Book } from '../guard/book.ts'

/** Hardly slower than alone: the long rest after growth that had to be taken back is not for this. */
export const ROOMY = 1.2
const MOST = 256
const REST = 10
const MOST_REST = 900
const HOUR = 3600

export class Rests {
  readonly #book: Book
  /** Windows to the next growth, longer each time that growth had to be taken back. */
  #rest = REST
  #hasGrown = false
  #growNotBefore = 0
  #roomyNotBefore = 0
  #shrinkNotBefore = 0
  /** So many at once may have broken the upstream. */
  #ceiling = MOST
  #ceilingUntil = 0

  constructor(book: Book) {
    this.#book = book
  }

  /** `ratio`: times as slow as alone. */
  mayGrow(ratio: number): boolean {
    return this.#book.now >= (ratio < ROOMY ? this.#roomyNotBefore : this.#growNotBefore)
  }

  get mayShrink(): boolean {
    return this.#book.now >= this.#shrinkNotBefore
  }

  /** The limit may not grow beyond. */
  get most(): number {
    return this.#book.now < this.#ceilingUntil ? this.#ceiling - 1 : MOST
  }

  startAgain(): void {
    this.#rest = REST
  }

  /** It has shrunk: soon after it had grown, growth was the mistake. */
  shrunk(): void {
    const { now } = this.#book
    this.#rest = this.#hasGrown ? Math.min(MOST_REST, this.#rest * 3) : Math.max(REST, this.#rest / 2)
    this.#hasGrown = false
    this.#roomyNotBefore = now + REST
    this.#growNotBefore = Math.max(this.#growNotBefore, now + this.#rest)
  }

  /** What brought nothing is no mistake yet, but not soon tried again either: else it goes up until it must come down. */
  grown(isInVain: boolean): void {
    this.#hasGrown = true
    if (isInVain) this.undone('growth')
  }

  /** It is not tried again before a rest, twice as long as the last. */
  undone(step: 'growth' | 'shrinking'): void {
    this.#rest = Math.min(MOST_REST, this.#rest * 2)
    const until = this.#book.now + this.#rest
    if (step === 'growth') this.#growNotBefore = until
    else this.#shrinkNotBefore = until
  }

  /** So many at once may have ended the process. */
  broke(atOnce: number): void {
    this.#ceiling = atOnce
    this.#ceilingUntil = this.#book.now + HOUR
  }
}
