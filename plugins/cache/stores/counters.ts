/**
 * What a store counts about itself.
 */
import type { StoreRefusal, StoreStats } from './types.ts'

export class StoreCounters {
  hits = 0
  misses = 0
  stored = 0
  evicted = 0
  purged = 0
  failures = 0
  readonly #refused = new Map<StoreRefusal, number>()

  refuse(reason: StoreRefusal): void {
    this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + 1)
  }

  /** Together with what the store holds now. */
  with(now: Pick<StoreStats, 'kind' | 'entries' | 'bytes' | 'available'>): StoreStats {
    const { hits, misses, stored, evicted, purged, failures } = this
    return { ...now, hits, misses, stored, evicted, purged, failures, refused: Object.fromEntries(this.#refused) }
  }
}
