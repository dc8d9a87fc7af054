/**
 * Entries on disk, shared by all worker processes of a gateway and kept over restarts: bodies are files, the index is
 * SQLite. Lookups answer at once, bodies are streamed, changes run in a thread.
 */
import { statfsSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { type BoundsInput, checkMeta, resolveBounds, type StoreBounds } from '../bounds.ts'
import { EMPTY_BODY } from '../bytes.ts'
import { StoreCounters } from '../counters.ts'
import { notAcquired, unguarded } from '../memory/local-locks.ts'
import { PendingPurges } from '../purge-log.ts'
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
import { UseNotes } from '../use-notes.ts'
import { readBody } from './body-reader.ts'
import { bodyPath, nameGeneration, readBoot, type StoreFolder, storeFolder } from './folder.ts'
import { IndexClient, prepareFolder } from './index-client.ts'
import type { DiskEntry } from './rows.ts'
import { DiskWriter } from './writer.ts'

/** Bytes on disk for which nobody has said anything. */
export const DEFAULT_DISK_BYTES = 4 * 1024 ** 3
/** Most bodies that are being written at once. */
export const MAX_DISK_WRITERS = 256
const ORPHAN_AGE_MS = 10 * 60_000
const SWEEP_INTERVAL_MS = 10 * 60_000
/** How often purges are tried again that the index could not take. */
const REPLAY_INTERVAL_MS = 1_000

export interface DiskStoreOptions extends BoundsInput {
  /** Folder, made when absent. It belongs to the store. */
  readonly folder: string
  readonly now?: Clock
  readonly orphanAgeMs?: number
  /** Room on the disk that the store leaves to others; absent = 256 MiB, or 5 % of a small disk. */
  readonly reserveBytes?: number
}

const RESERVE_BYTES = 256 * 1024 * 1024
const RESERVE_SHARE = 0.05

function defaultReserve(folder: string): number {
  const { blocks, bsize } = statfsSync(folder)
  return Math.min(RESERVE_BYTES, Math.floor(blocks * bsize * RESERVE_SHARE))
}

export class DiskStore implements CacheStore {
  readonly bounds: StoreBounds
  readonly folder: StoreFolder
  readonly boot = readBoot()
  readonly counters = new StoreCounters()
  readonly index: IndexClient
  readonly now: Clock
  readonly #pending = new PendingPurges()
  readonly #uses: UseNotes
  /** How many entries a purge removed. */
  readonly #removed = new WeakMap<PurgeSelector, number>()
  #replayTimer: NodeJS.Timeout | null = null
  #writers = 0
  #closed = false

  constructor(options: DiskStoreOptions) {
    this.bounds = resolveBounds(options, DEFAULT_DISK_BYTES)
    this.folder = storeFolder(options.folder)
    this.now = options.now ?? Date.now
    const orphanAgeMs = options.orphanAgeMs ?? ORPHAN_AGE_MS
    const { maxBytes, maxVariants } = this.bounds
    const limits = { maxBytes, maxVariants, reserveBytes: options.reserveBytes ?? defaultReserve(options.folder) }
    const settings = { root: this.folder.root, limits, orphanAgeMs, sweepIntervalMs: SWEEP_INTERVAL_MS }
    this.index = new IndexClient(settings, this.folder.index)
    this.#uses = new UseNotes(generations => this.#tell('touch', { generations, nowMs: this.now() }))
  }

  lookup(key: string): VariantSet | null {
    const set = this.#find(key)
    if (set.length === 0) this.counters.misses++
    else this.counters.hits++
    return set.length === 0 ? null : set
  }

  async read(entry: StoredEntry, range?: ByteRange): Promise<Buffer | Readable | null> {
    const { generation, checksum, boot } = entry as DiskEntry
    if (this.#closed || this.#pending.names(entry)) return null
    this.touch(entry)
    if (entry.bodyLength === 0) return EMPTY_BODY
    const unproven = boot !== this.boot
    const file = {
      path: bodyPath(this.folder, generation),
      length: entry.bodyLength,
      checksum: unproven ? checksum : null,
    }
    try {
      const body = await readBody(file, range ?? { start: 0, end: entry.bodyLength - 1 })
      if (unproven) this.#tell('verified', { generation, boot: this.boot })
      return body
    } catch {
      this.counters.failures++
      this.#tell('forget', generation)
      return null
    }
  }

  touch(entry: StoredEntry): void {
    this.#uses.note(entry.generation)
  }

  openWriter(key: string, variant: string, hints: WriteHints): DiskWriter {
    return new DiskWriter(this, key, variant, hints)
  }

  async updateHead(entry: StoredEntry, update: HeadUpdate): Promise<boolean> {
    const { key, variant, generation } = entry
    const check = checkMeta(key, variant, { ...entry, ...update }, this.now())
    if (!check.fits) return false
    const storedAtMs = Math.trunc(update.storedAtMs)
    const expiresAtMs = Math.trunc(check.expiresAtMs)
    const call = { key, variant, generation, head: check.encodedHead, storedAtMs, expiresAtMs }
    return this.index.call('update', call).catch(() => this.#fail(false))
  }

  delete(key: string, variant?: string): Promise<PurgeOutcome> {
    return this.purge(variant === undefined ? { by: 'key', value: key } : { by: 'key', value: key, variant })
  }

  async purge(selector: PurgeSelector): Promise<PurgeOutcome> {
    const mine = { ...selector }
    this.#pending.add(mine)
    const complete = await this.#replay()
    return { removed: this.#removed.get(mine) ?? 0, complete }
  }

  async lock(key: string, ttlMs: number): Promise<StoreLock> {
    const token = nameGeneration()
    const nowMs = this.now()
    const call = { key, token, nowMs, untilMs: nowMs + ttlMs }
    const acquired = await this.index.call('lock', call).catch(() => this.#fail(null))
    if (acquired === null) return unguarded
    if (!acquired) return notAcquired
    return { acquired, release: () => this.#tell('unlock', { key, token }) }
  }

  stats(): StoreStats {
    const totals = this.#ask(() => this.index.totals()) ?? { entries: 0, bytes: 0 }
    const available = !this.#closed && this.index.available
    return this.counters.with({ kind: 'disk', entries: totals.entries, bytes: totals.bytes, available })
  }

  /** Unlinks files that no entry refers to; answers how many. Runs by itself at the start and every ten minutes. */
  sweep(): Promise<number> {
    return this.index.call('sweep', null).catch(() => this.#fail(0))
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#uses.close()
    this.#closed = true
    if (this.#replayTimer !== null) clearTimeout(this.#replayTimer)
    await this.index.close()
  }

  /** A number that changes whenever any process has changed the store; -1 = it cannot be asked. */
  version(): number {
    return this.#ask(() => this.index.version()) ?? -1
  }

  /** Number of the newest purge; -1 = the store cannot be asked. */
  purgeSequence(): number {
    return this.#ask(() => this.index.totals().purge_sequence) ?? -1
  }

  takeWriter(): boolean {
    if (this.#writers >= MAX_DISK_WRITERS) return false
    this.#writers++
    return true
  }

  releaseWriter(): void {
    this.#writers--
  }

  #find(key: string): DiskEntry[] {
    const now = this.now()
    const set = this.#ask(() => this.index.lookup(key)) ?? []
    return set.filter(entry => entry.expiresAtMs > now && !this.#pending.names(entry))
  }

  /** Hands waiting purges to the index, and tries again for as long as one is left. */
  async #replay(): Promise<boolean> {
    const complete = await this.#pending.replay(selector => this.#purgeIndex(selector))
    if (!complete && !this.#closed) this.#replayTimer ??= setTimeout(() => this.#retry(), REPLAY_INTERVAL_MS).unref()
    return complete
  }

  #retry(): void {
    this.#replayTimer = null
    void this.#replay()
  }

  #purgeIndex(selector: PurgeSelector): Promise<boolean> {
    const done = (removed: number): boolean => {
      this.#removed.set(selector, removed)
      this.counters.purged += removed
      return true
    }
    return this.index.call('purge', selector).then(done, () => this.#fail(false))
  }

  #ask<T>(question: () => T): T | null {
    if (this.#closed || !this.index.available) return null
    try {
      return question()
    } catch {
      return this.#fail(null)
    }
  }

  /** For what nobody waits for. */
  #tell(...call: Parameters<IndexClient['call']>): void {
    if (!this.#closed) this.index.call(...call).catch(() => this.#fail(null))
  }

  #fail<T>(instead: T): T {
    this.counters.failures++
    return instead
  }
}

/**
 * Opens the store of a folder, for this process and any number of others.
 * @throws the errors of the file system and of SQLite, when the folder cannot be used
 */
export async function openDiskStore(options: DiskStoreOptions): Promise<DiskStore> {
  await prepareFolder(storeFolder(options.folder))
  const store = new DiskStore(options)
  void store.sweep()
  return store
}
