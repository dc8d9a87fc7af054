/**
 * The cache for whoever runs it: numbers and purges.
 */
import type { Signals } from '../contract/index.ts'
import type { Fills } from './fill/fills.ts'
import type { CacheCounters } from './signals.ts'
import type { CacheStore, PurgeOutcome, PurgeSelector, StoreStats } from './stores/index.ts'

export interface CacheStats {
  readonly store: StoreStats
  /** Answers that are being fetched for the store now. */
  readonly fills: number
  /** Requests that they are for. */
  readonly waiters: number
  /** Requests by what the cache did, since the start. */
  readonly outcomes: Readonly<Record<string, number>>
}

interface ControlParts {
  readonly store: CacheStore
  readonly fills: Fills
  readonly count: CacheCounters
  readonly signals: Signals
}

/** Sweeps between two looks at the store's totals. */
const SWEEPS_A_LOOK = 20

export class CacheControl {
  readonly #parts: ControlParts
  readonly #gauges
  #sweeps = 0

  constructor(parts: ControlParts) {
    this.#parts = parts
    const { signals } = parts
    this.#gauges = {
      entries: signals.gauge('cache_store_entries', 'Answers in the store.').with(),
      bytes: signals.gauge('cache_store_bytes', 'Bytes in the store.').with(),
      evicted: signals.gauge('cache_store_evicted', 'Answers that made room for others since the start.').with(),
      fills: signals.gauge('cache_fills', 'Answers that are being fetched for the store.').with(),
    }
  }

  async stats(): Promise<CacheStats> {
    const { store, fills, count } = this.#parts
    return { store: await store.stats(), fills: fills.size, waiters: fills.waiters, outcomes: { ...count.outcomes } }
  }

  /** Forgets what is named; answers that are being fetched now are not stored. `url` and `prefix` are public addresses. */
  async purge(selector: PurgeSelector): Promise<PurgeOutcome> {
    const { store, fills } = this.#parts
    // What an answer is tagged with is known only when it has come: all that run are left out.
    fills.makeVoid(() => true)
    return store.purge(selector)
  }

  /** Brings the gauges up to date, now and then. */
  sweep(): void {
    this.#gauges.fills.set(this.#parts.fills.size)
    if (this.#sweeps++ % SWEEPS_A_LOOK !== 0) return
    const stats = this.#parts.store.stats()
    if (stats instanceof Promise) void stats.then(read => this.#show(read))
    else this.#show(stats)
  }

  #show({ entries, bytes, evicted }: StoreStats): void {
    this.#gauges.entries.set(entries)
    this.#gauges.bytes.set(bytes)
    this.#gauges.evicted.set(evicted)
  }
}
