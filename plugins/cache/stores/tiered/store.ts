/**
 * Memory in front of a disk or of Redis: what was read lately is answered at once, and never longer than it is certain
 * that no other process has changed it.
 */
import { Readable } from 'node:stream'
import { joinChunks, sliceRange } from '../bytes.ts'
import type {
  Awaitable,
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
import type { Invalidation, InvalidationBus } from './bus.ts'
import { Front, type KnownSet } from './front.ts'
import { TieredWriter } from './writer.ts'

/** Memory of a front for which nobody has said anything. */
export const DEFAULT_FRONT_BYTES = 64 * 1024 * 1024
/** Largest body that is kept in front, or less where the front is small. */
export const MAX_PROMOTED_BYTES = 1024 * 1024
const PROMOTED_SHARE = 0.125
/** Share of the front that copies may take of bodies that are still being written. */
const WRITING_SHARE = 0.25
/** How long a set is believed that others may have changed: as long as news of them arrive, and when they do not. */
export const SET_AGE_MS = 60_000
export const SET_AGE_WITHOUT_NEWS_MS = 5_000

export interface TieredStoreOptions {
  readonly back: CacheStore
  readonly frontBytes?: number
  /**
   * Changes whenever anybody has changed the store behind; -1 = it cannot be asked. Where it is given a set is believed
   * exactly until then.
   */
  readonly version?: () => number
  /** News between gateways. */
  readonly bus?: InvalidationBus
  /** Whether the gateways on the bus have the same store behind; if not, each carries out the purges of all. */
  readonly backIsShared?: boolean
  /** Told of each purge that another gateway has carried out. */
  readonly onForeignPurge?: (selector: PurgeSelector) => void
  readonly now?: Clock
}

export class TieredStore implements CacheStore {
  readonly maxPromotedBytes: number
  readonly #back: CacheStore
  readonly #front: Front
  readonly #version: (() => number) | null
  readonly #bus: InvalidationBus | null
  readonly #backIsShared: boolean
  readonly #onForeignPurge: (selector: PurgeSelector) => void
  readonly #now: Clock
  readonly #maxWritingBytes: number
  #writingBytes = 0
  #hits = 0
  #misses = 0
  /** Counts what may have changed, so that a set that was asked for before is not kept after. */
  #epoch = 0

  constructor(options: TieredStoreOptions) {
    const frontBytes = options.frontBytes ?? DEFAULT_FRONT_BYTES
    this.maxPromotedBytes = Math.min(MAX_PROMOTED_BYTES, Math.floor(frontBytes * PROMOTED_SHARE))
    this.#maxWritingBytes = frontBytes * WRITING_SHARE
    this.#front = new Front(frontBytes)
    this.#back = options.back
    this.#version = options.version ?? null
    this.#bus = options.bus ?? null
    this.#backIsShared = options.backIsShared ?? true
    this.#onForeignPurge = options.onForeignPurge ?? (() => {})
    this.#now = options.now ?? Date.now
    this.#bus?.listen({ onNews: news => this.#hear(news), onGap: () => this.#forgetSets() })
  }

  lookup(key: string): Awaitable<VariantSet | null> {
    const version = this.#version?.() ?? 0
    const known = this.#front.set(key)
    if (known !== undefined && this.#isCertain(known, version) && !hasExpired(known.set, this.#now())) {
      this.#hits++
      return known.set
    }
    const epoch = this.#epoch
    const set = this.#back.lookup(key)
    if (!(set instanceof Promise)) return this.#learn(key, set, version, epoch)
    return set.then(found => this.#learn(key, found, version, epoch))
  }

  read(entry: StoredEntry, range?: ByteRange): Awaitable<Buffer | Readable | null> {
    const body = this.#front.body(entry.generation)
    if (body === undefined) return this.#readBack(entry, range)
    this.#back.touch(entry)
    return sliceRange(body, range)
  }

  touch(entry: StoredEntry): void {
    this.#back.touch(entry)
  }

  openWriter(key: string, variant: string, hints: WriteHints): TieredWriter {
    return new TieredWriter(this, this.#back.openWriter(key, variant, hints))
  }

  async updateHead(entry: StoredEntry, update: HeadUpdate): Promise<boolean> {
    const updated = await this.#back.updateHead(entry, update)
    this.#change({ by: 'key', value: entry.key })
    return updated
  }

  delete(key: string, variant?: string): Promise<PurgeOutcome> {
    return this.purge(variant === undefined ? { by: 'key', value: key } : { by: 'key', value: key, variant })
  }

  async purge(selector: PurgeSelector): Promise<PurgeOutcome> {
    this.#forget(selector)
    const outcome = await this.#back.purge(selector)
    this.#forget(selector)
    this.#bus?.publish({ what: 'purged', selector })
    return outcome
  }

  lock(key: string, ttlMs: number): Awaitable<StoreLock> {
    return this.#back.lock(key, ttlMs)
  }

  async stats(): Promise<StoreStats> {
    const back = await this.#back.stats()
    const front = { hits: this.#hits, misses: this.#misses, frontBytes: this.#front.bytes }
    return { ...back, ...front, kind: `memory+${back.kind}` }
  }

  async close(): Promise<void> {
    this.#front.clear()
    await Promise.all([this.#back.close(), this.#bus?.close()])
  }

  /** Takes room for copies of bodies that are being written; false = too many are. A negative number gives it back. */
  reserve(bytes: number): boolean {
    if (bytes > 0 && this.#writingBytes + bytes > this.#maxWritingBytes) return false
    this.#writingBytes += bytes
    return true
  }

  /** A writer has put an entry into the store behind; `body` where it was small enough to be kept in front. */
  noteCommit(entry: StoredEntry, body: Buffer | null): void {
    if (body !== null && body.length > 0) this.#front.putBody(entry.generation, body)
    this.#change({ by: 'key', value: entry.key })
  }

  #isCertain(known: KnownSet, version: number): boolean {
    if (this.#version !== null) return version >= 0 && known.version === version
    const age = this.#now() - known.askedAtMs
    return age <= (this.#bus?.connected === true ? SET_AGE_MS : SET_AGE_WITHOUT_NEWS_MS)
  }

  #learn(key: string, set: VariantSet | null, version: number, epoch: number): VariantSet | null {
    if (set === null) {
      this.#misses++
      this.#front.dropSet(key)
      return null
    }
    this.#hits++
    if (epoch === this.#epoch) this.#front.putSet(key, { set, version, askedAtMs: this.#now() })
    return set
  }

  async #readBack(entry: StoredEntry, range: ByteRange | undefined): Promise<Buffer | Readable | null> {
    const body = await this.#back.read(entry, range)
    if (body === null) this.#front.dropSet(entry.key)
    if (body === null || range !== undefined || entry.bodyLength > this.maxPromotedBytes) return body
    const whole = body instanceof Readable ? await collect(body, entry.bodyLength) : body
    if (whole !== null && whole.length > 0) this.#front.putBody(entry.generation, whole)
    return whole
  }

  #change(selector: PurgeSelector): void {
    this.#forget(selector)
    this.#bus?.publish({ what: 'changed', selector })
  }

  #forget(selector: PurgeSelector): void {
    if (selector.by !== 'key') return this.#forgetSets()
    this.#epoch++
    this.#front.dropSet(selector.value)
  }

  #forgetSets(): void {
    this.#epoch++
    this.#front.dropSets()
  }

  #hear(news: Invalidation): void {
    this.#forget(news.selector)
    if (news.what !== 'purged') return
    this.#onForeignPurge(news.selector)
    if (!this.#backIsShared) void this.#back.purge(news.selector)
  }
}

function hasExpired(set: VariantSet, now: number): boolean {
  for (const entry of set) if (entry.expiresAtMs <= now) return true
  return false
}

/** Null when the stream breaks off or has another length. */
async function collect(body: Readable, length: number): Promise<Buffer | null> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of body) chunks.push(chunk as Buffer)
  } catch {
    return null
  }
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0) === length ? joinChunks(chunks, length) : null
}
