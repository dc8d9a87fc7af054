/**
 * Entries in the memory of this process: least recently used goes first, counted in bytes. Every operation answers at
 * once. Bodies belong to their entries, so that one which is being sent outlives its eviction.
 */
import { LRUCache } from 'lru-cache'
import { type BoundsInput, resolveBounds, type StoreBounds } from '../bounds.ts'
import { sliceRange } from '../bytes.ts'
import { StoreCounters } from '../counters.ts'
import { isSelected, PurgeLog } from '../purge-log.ts'
import type {
  ByteRange,
  CacheStore,
  Clock,
  HeadUpdate,
  PurgeOutcome,
  PurgeSelector,
  StoredEntry,
  StoreLock,
  StoreStats,
  VariantSet,
  WriteHints,
} from '../types.ts'
import { insertNewestFirst, MemoryEntry } from './entry.ts'
import { LocalLocks } from './local-locks.ts'
import { MemoryWriter } from './writer.ts'

/** Bytes of a memory store for which nobody has said anything. */
export const DEFAULT_MEMORY_BYTES = 64 * 1024 * 1024
/** Share of the store that bodies may take which are still being written, beside the stored ones. */
const WRITING_SHARE = 0.5

export interface MemoryStoreOptions extends BoundsInput {
  readonly now?: Clock
}

export class MemoryStore implements CacheStore {
  readonly bounds: StoreBounds
  readonly purges = new PurgeLog()
  readonly counters = new StoreCounters()
  readonly now: Clock
  #closed = false
  #writingBytes = 0
  readonly #sets = new Map<string, readonly MemoryEntry[]>()
  readonly #byUrl = new Map<string, Set<MemoryEntry>>()
  readonly #recency: LRUCache<MemoryEntry, MemoryEntry>
  readonly #locks: LocalLocks

  constructor(options: MemoryStoreOptions = {}) {
    this.bounds = resolveBounds(options, DEFAULT_MEMORY_BYTES)
    this.now = options.now ?? Date.now
    this.#locks = new LocalLocks(this.now)
    this.#recency = new LRUCache<MemoryEntry, MemoryEntry>({
      maxSize: this.bounds.maxBytes,
      sizeCalculation: entry => entry.bytes,
      dispose: (entry, _key, reason) => {
        if (reason === 'evict') this.counters.evicted++
        this.#unlink(entry)
      },
    })
  }

  lookup(key: string): VariantSet | null {
    const set = this.#sets.get(key)
    if (set === undefined) {
      this.counters.misses++
      return null
    }
    const now = this.now()
    for (const entry of set) if (entry.expiresAtMs <= now) return this.#lookupAgain(key, set, now)
    this.counters.hits++
    return set
  }

  read(entry: StoredEntry, range?: ByteRange): Buffer | null {
    if (!(entry instanceof MemoryEntry)) return null
    this.touch(entry)
    return sliceRange(entry.body, range)
  }

  touch(entry: StoredEntry): void {
    if (entry instanceof MemoryEntry) this.#recency.get(entry)
  }

  openWriter(key: string, variant: string, hints: WriteHints): MemoryWriter {
    return new MemoryWriter(this, key, variant, hints)
  }

  updateHead(entry: StoredEntry, update: HeadUpdate): boolean {
    const current = this.#find(entry.key, entry.variant)
    if (current === undefined || current.generation !== entry.generation) return false
    const updated = current.withHead(update, this.now())
    return updated === null ? false : this.place(updated)
  }

  delete(key: string, variant?: string): PurgeOutcome {
    return this.purge(variant === undefined ? { by: 'key', value: key } : { by: 'key', value: key, variant })
  }

  purge(selector: PurgeSelector): PurgeOutcome {
    this.purges.add(selector)
    const named = [...this.#candidates(selector)].filter(entry => isSelected(entry, selector))
    for (const entry of named) this.#recency.delete(entry)
    this.counters.purged += named.length
    return { removed: named.length, complete: true }
  }

  lock(key: string, ttlMs: number): StoreLock {
    return this.#locks.take(key, ttlMs)
  }

  stats(): StoreStats {
    return this.counters.with({
      kind: 'memory',
      entries: this.#recency.size,
      bytes: this.#recency.calculatedSize,
      available: !this.#closed,
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#recency.clear()
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Takes room for bytes of a body that is being written; false = too many are. A negative number gives it back. */
  reserve(bytes: number): boolean {
    if (bytes > 0 && this.#writingBytes + bytes > this.bounds.maxBytes * WRITING_SHARE) return false
    this.#writingBytes += bytes
    return true
  }

  /** Puts an entry in the place of the one with its key and variant; false = it is larger than the store. */
  place(entry: MemoryEntry): boolean {
    if (entry.bytes > this.bounds.maxBytes) return false
    const replaced = this.#find(entry.key, entry.variant)
    if (replaced !== undefined) this.#recency.delete(replaced)
    this.#link(entry)
    this.#recency.set(entry, entry)
    const set = this.#sets.get(entry.key) ?? []
    for (const surplus of set.slice(this.bounds.maxVariants)) this.#recency.delete(surplus)
    return true
  }

  #lookupAgain(key: string, set: readonly MemoryEntry[], now: number): VariantSet | null {
    for (const entry of set) if (entry.expiresAtMs <= now) this.#recency.delete(entry)
    return this.lookup(key)
  }

  #find(key: string, variant: string): MemoryEntry | undefined {
    return this.#sets.get(key)?.find(entry => entry.variant === variant)
  }

  #candidates(selector: PurgeSelector): Iterable<MemoryEntry> {
    if (selector.by === 'key') return this.#sets.get(selector.value) ?? []
    if (selector.by === 'url') return this.#byUrl.get(selector.value) ?? []
    return this.#recency.values()
  }

  #link(entry: MemoryEntry): void {
    this.#sets.set(entry.key, insertNewestFirst(this.#sets.get(entry.key) ?? [], entry))
    const sameUrl = this.#byUrl.get(entry.url)
    if (sameUrl === undefined) this.#byUrl.set(entry.url, new Set([entry]))
    else sameUrl.add(entry)
  }

  #unlink(entry: MemoryEntry): void {
    const set = (this.#sets.get(entry.key) ?? []).filter(other => other !== entry)
    if (set.length === 0) this.#sets.delete(entry.key)
    else this.#sets.set(entry.key, set)
    const sameUrl = this.#byUrl.get(entry.url)
    sameUrl?.delete(entry)
    if (sameUrl?.size === 0) this.#byUrl.delete(entry.url)
  }
}
