/**
 * The side of a fill that faces the store: hands the answer over for as long as the store takes it.
 */
import type { Awaitable, CommitOutcome } from '../stores/index.ts'
import type { Feed } from './store-feed.ts'

export class Feeding {
  #feed: Feed | null = null
  /** The store is slower than the origin. */
  isBusy = false
  readonly #onFree: () => void

  constructor(onFree: () => void) {
    this.#onFree = onFree
  }

  /** Something will be stored, as far as is known. */
  get isOpen(): boolean {
    return this.#feed !== null
  }

  open(feed: Feed): void {
    this.#feed = feed
  }

  write(chunk: Buffer): void {
    const wait = this.#feed?.write(chunk)
    if (wait === false) this.#feed = null
    if (!(wait instanceof Promise)) return
    this.isBusy = true
    void wait.then(goesOn => {
      this.isBusy = false
      if (!goesOn) this.#feed = null
      this.#onFree()
    })
  }

  /** Null: nothing is stored. */
  finish(): Awaitable<CommitOutcome> | null {
    const feed = this.#feed
    this.#feed = null
    return feed?.finish() ?? null
  }

  drop(): void {
    this.#feed?.abort()
    this.#feed = null
  }
}
