/**
 * The cache for whoever runs it: numbers and purges.
 */
import type { Signals } from '../contract/index.ts'
import type { Fills } from './fill/fills.ts'
import type { CacheCounters } from './signals.ts'
import { type CacheStore, isSelected, type PurgeOutcome, type PurgeSelector, type StoreStats } from './stores/index.ts'
import type { CodedForms, CodingCounters, CodingStats, VariantCodec } from './variants/index.ts'

export interface CacheStats {
  readonly store: StoreStats
  /** Answers that are being fetched for the store now. */
  readonly fills: number
  /** Requests that they are for. */
  readonly waiters: number
  /** Requests by what the cache did, since the start. */
  readonly outcomes: Readonly<Record<string, number>>
  /** Coded forms of what is stored, made in the background. */
  readonly coded: CodingStats
}

interface ControlParts {
  readonly store: CacheStore
  readonly fills: Fills
  readonly count: CacheCounters
  readonly forms: CodedForms
  readonly coded: CodingCounters
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
    const { store, fills, count, forms } = this.#parts
    const outcomes = { ...count.outcomes }
    return { store: await store.stats(), fills: fills.size, waiters: fills.waiters, outcomes, coded: forms.stats }
  }

  /**
   * From now on answers are stored coded as well, and sent so to whoever takes it. Another codec takes the place of the one
   * before. @throws RangeError for a codec of too many codings
   */
  encodeWith(codec: VariantCodec): void {
    this.#parts.forms.use(codec)
  }

  /** Forgets what is named; answers that are being fetched now are not stored. `url` and `prefix` are public addresses. */
  async purge(selector: PurgeSelector): Promise<PurgeOutcome> {
    const { store, fills, forms } = this.#parts
    // What an answer is tagged with is known only when it has come: all that run are left out.
    fills.makeVoid(() => true)
    forms.forget(entry => isSelected(entry, selector))
    return store.purge(selector)
  }

  /** Brings the gauges up to date, now and then. */
  sweep(): void {
    this.#gauges.fills.set(this.#parts.fills.size)
    this.#parts.coded.showQueue(this.#parts.forms.queued)
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
