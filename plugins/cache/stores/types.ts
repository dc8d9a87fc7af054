/**
 * The seam between the cache and its stores: entries by key and variant, whole bodies or nothing, and no rule of HTTP.
 * A store never throws on the request path: what it cannot do is a miss or a refusal with its reason.
 */
import type { Readable } from 'node:stream'

/** A value, or the promise of it where the store has to ask a disk or a server. The memory store never makes one. */
export type Awaitable<T> = T | Promise<T>

/** What the cache keeps beside a body: any JSON object, opaque to the store, at most `MAX_HEAD_BYTES` encoded. */
export type StoredHead = Readonly<Record<string, unknown>>

/** What is said about a body when it has been written to its end. Times are epoch milliseconds. */
export interface EntryMeta {
  readonly head: StoredHead
  readonly storedAtMs: number
  /** When the store may forget the entry: the end of freshness and of every window of staleness. */
  readonly expiresAtMs: number
  /** What purges by address compare with; the canonical absolute address. */
  readonly url: string
  readonly route: string
  readonly tags: readonly string[]
}

/** One stored answer. Immutable: a changed head makes another object. */
export interface StoredEntry extends EntryMeta {
  /** Primary key. */
  readonly key: string
  /** Secondary key: what Vary selected, empty without Vary. */
  readonly variant: string
  readonly bodyLength: number
  /** Names this body; another body under the same key and variant has another name. */
  readonly generation: string
}

/** All variants of a key, newest first, never empty. */
export type VariantSet = readonly StoredEntry[]

/** Bytes `start` to `end`, both included, as in RFC 9110 §14.1.2 after it has been resolved against the length. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** What is known before the first byte. */
export interface WriteHints {
  /** From Content-Length; null when unknown. A body of another length is refused. */
  readonly bodyLength: number | null
}

/** Why something was not stored; a closed set, fit for a metric label. */
export type StoreRefusal =
  | 'too_large'
  | 'length_mismatch'
  | 'head_too_large'
  | 'key_too_long'
  | 'bad_tags'
  | 'expired'
  | 'purged'
  | 'busy'
  | 'store_full'
  | 'io_error'
  | 'unavailable'
  | 'aborted'
  | 'closed'

export type CommitOutcome =
  | { readonly stored: true; readonly entry: StoredEntry }
  | { readonly stored: false; readonly reason: StoreRefusal }

/** Takes one body. Until `commit` nobody sees any of it; after a refusal `write` answers false and nothing is left. */
export interface StoreWriter {
  /** Why nothing will be stored, as soon as that is certain. */
  readonly refusal: StoreRefusal | null
  /**
   * Takes a chunk, which must not be changed afterwards. True = go on; a promise = wait for it, the store is slower
   * than the origin; false = stop, nothing will be stored.
   */
  write(chunk: Buffer): Awaitable<boolean>
  /** Puts the whole body in the place of the variant at once, unless a purge has named it since the writer was opened. */
  commit(meta: EntryMeta): Awaitable<CommitOutcome>
  /** Leaves nothing. Harmless after `commit`. */
  abort(): void
}

/** What to forget. `prefix` compares the beginning of `url`, byte for byte. */
export type PurgeSelector =
  | { readonly by: 'url' | 'prefix' | 'route' | 'tag'; readonly value: string }
  | { readonly by: 'key'; readonly value: string; readonly variant?: string }
  | { readonly by: 'all' }

export interface PurgeOutcome {
  /** Entries that were removed. */
  readonly removed: number
  /**
   * False where a shared store could not be reached: this process serves none of what was named, and the store is
   * cleaned as soon as it answers again, but other processes may still serve it until then.
   */
  readonly complete: boolean
}

/** What a revalidation changes (RFC 9111 §4.3.4). */
export interface HeadUpdate {
  readonly head: StoredHead
  readonly storedAtMs: number
  readonly expiresAtMs: number
}

/** The right to fill a key. `acquired: false` = somebody else is filling it. `release` is harmless when late. */
export interface StoreLock {
  readonly acquired: boolean
  release(): void
}

/** Numbers since the start of this process, save `entries` and `bytes`, which are those of the store now. */
export interface StoreStats {
  readonly kind: string
  readonly entries: number
  readonly bytes: number
  readonly hits: number
  readonly misses: number
  readonly stored: number
  readonly evicted: number
  readonly purged: number
  /** Operations that failed; each was answered as a miss or a refusal. */
  readonly failures: number
  readonly refused: Readonly<Partial<Record<StoreRefusal, number>>>
  /** What a memory tier in front holds, bodies and heads; absent without one. */
  readonly frontBytes?: number
  /** False while the store is left alone. */
  readonly available: boolean
}

export interface CacheStore {
  /** All variants of a key; null = none. Synchronous from memory and from the index of the disk. */
  lookup(key: string): Awaitable<VariantSet | null>
  /**
   * The body, or one range of it: a Buffer where it is at hand, else a stream whose first bytes are certain to come;
   * null = gone (a miss). A body that is being read is safe from eviction. Tells the store that the entry was used.
   */
  read(entry: StoredEntry, range?: ByteRange): Awaitable<Buffer | Readable | null>
  /** Tells the store that an entry was used without its body (304, HEAD). */
  touch(entry: StoredEntry): void
  openWriter(key: string, variant: string, hints: WriteHints): StoreWriter
  /** Changes the head, if that very body is still there; false = it is not. */
  updateHead(entry: StoredEntry, update: HeadUpdate): Awaitable<boolean>
  delete(key: string, variant?: string): Awaitable<PurgeOutcome>
  purge(selector: PurgeSelector): Awaitable<PurgeOutcome>
  /** For coalescing across processes. Where nobody can be asked the lock is given. */
  lock(key: string, ttlMs: number): Awaitable<StoreLock>
  stats(): Awaitable<StoreStats>
  close(): Promise<void>
}

/** A clock in epoch milliseconds. */
export type Clock = () => number
