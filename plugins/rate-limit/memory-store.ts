/**
 * Counts in memory, as a store of @fastify/rate-limit. Its own one hands out the object that it counts on, which is read
 * after a turn: of requests that come in one turn, as those of a batch do, each was told the count of the last.
 */
import type { FastifyRateLimitStore } from '@fastify/rate-limit'

/** Most clients whose requests are counted in memory, over all limits; who was not seen for longest is forgotten. */
export const MAX_COUNTED = 20_000

interface Window {
  readonly sinceMs: number
  readonly count: number
}

export class MemoryStore implements FastifyRateLimitStore {
  /** In the order in which they were last seen. */
  readonly #windows = new Map<string, Window>()

  /** `timeWindow` in ms; the answer comes at once. */
  incr(key: string, answer: Parameters<FastifyRateLimitStore['incr']>[1], timeWindow = 0): void {
    const now = performance.now()
    const known = this.#windows.get(key)
    const isOpen = known !== undefined && now - known.sinceMs < timeWindow
    const window = isOpen ? { ...known, count: known.count + 1 } : { sinceMs: now, count: 1 }
    if (known !== undefined) this.#windows.delete(key)
    else if (this.#windows.size >= MAX_COUNTED) this.#forgetOldest()
    this.#windows.set(key, window)
    answer(null, { current: window.count, ttl: window.sinceMs + timeWindow - now })
  }

  /** Limits come with each question, so that one store serves all. */
  child(): this {
    return this
  }

  #forgetOldest(): void {
    const oldest = this.#windows.keys().next().value
    if (oldest !== undefined) this.#windows.delete(oldest)
  }
}
