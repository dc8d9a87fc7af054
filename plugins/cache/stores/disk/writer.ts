/**
 * A body on its way to the disk: written beside under a name of its own, renamed when it is whole, and known to others
 * only from the transaction that puts it into the index.
 */
import { createWriteStream, unlink, type WriteStream } from 'node:fs'
import { rename } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { checkMeta } from '../bounds.ts'
import type { CommitOutcome, EntryMeta, StoreRefusal, StoreWriter, WriteHints } from '../types.ts'
import { bodyPath, FILE_MODE, nameGeneration, writingPath } from './folder.ts'
import { IndexError } from './index-client.ts'
import { type EntryRow, toEntry } from './rows.ts'
import type { DiskStore } from './store.ts'

/** Bytes that may wait for the disk before the origin is held back. */
const WRITE_AHEAD_BYTES = 512 * 1024

export class DiskWriter implements StoreWriter {
  readonly #store: DiskStore
  readonly #key: string
  readonly #variant: string
  readonly #expectedLength: number | null
  readonly #openedAt: number
  readonly #generation = nameGeneration()
  #file: WriteStream | null = null
  #length = 0
  #checksum = 0
  #refusal: StoreRefusal | null = null
  #ended = false

  constructor(store: DiskStore, key: string, variant: string, hints: WriteHints) {
    this.#store = store
    this.#key = key
    this.#variant = variant
    this.#expectedLength = hints.bodyLength
    this.#openedAt = store.purgeSequence()
    if (!store.takeWriter()) {
      this.#refusal = 'busy'
      this.#ended = true
      store.counters.refuse('busy')
    } else if (this.#openedAt < 0) this.#refuse('unavailable')
    else if ((hints.bodyLength ?? 0) > store.bounds.maxObjectBytes) this.#refuse('too_large')
  }

  get refusal(): StoreRefusal | null {
    return this.#refusal
  }

  write(chunk: Buffer): boolean | Promise<boolean> {
    if (this.#ended) return false
    this.#length += chunk.length
    if (this.#length > this.#store.bounds.maxObjectBytes) return this.#refuse('too_large')
    if (chunk.length === 0) return true
    this.#checksum = crc32(chunk, this.#checksum)
    const file = this.#file ?? this.#open()
    return file.write(chunk) ? true : this.#drained(file)
  }

  async commit(meta: EntryMeta): Promise<CommitOutcome> {
    if (this.#ended) return { stored: false, reason: this.#refusal ?? 'aborted' }
    const check = checkMeta(this.#key, this.#variant, meta, this.#store.now())
    if (!check.fits) return this.#refused(check.reason)
    if (this.#expectedLength !== null && this.#expectedLength !== this.#length) return this.#refused('length_mismatch')
    try {
      if (!(await this.#finish())) return { stored: false, reason: this.#refusal ?? 'aborted' }
      return await this.#enter(this.#row(meta, check.encodedHead, check.expiresAtMs))
    } catch (error) {
      return this.#refused(reasonOf(error))
    }
  }

  abort(): void {
    if (!this.#ended) this.#refuse('aborted')
  }

  #row(meta: EntryMeta, head: string, expiresAtMs: number): EntryRow {
    return {
      key: this.#key,
      variant: this.#variant,
      head,
      url: meta.url,
      route: meta.route,
      tags: JSON.stringify(meta.tags),
      generation: this.#generation,
      body_length: this.#length,
      checksum: this.#checksum,
      boot: this.#store.boot,
      stored_at: Math.trunc(meta.storedAtMs),
      expires_at: Math.trunc(expiresAtMs),
    }
  }

  async #enter(row: EntryRow): Promise<CommitOutcome> {
    const nowMs = this.#store.now()
    const { stored, evicted } = await this.#store.index.call('commit', { row, openedAt: this.#openedAt, nowMs })
    this.#store.counters.evicted += evicted
    if (!stored) return this.#refused('purged')
    if (this.#ended) {
      await this.#store.index.call('forget', this.#generation)
      return this.#refused('aborted')
    }
    this.#end()
    this.#store.counters.stored++
    return { stored: true, entry: toEntry(row) }
  }

  #open(): WriteStream {
    const path = writingPath(this.#store.folder, this.#generation)
    const file = createWriteStream(path, { flags: 'wx', mode: FILE_MODE, highWaterMark: WRITE_AHEAD_BYTES })
    file.on('error', error => {
      if (!this.#ended) this.#refuse(reasonOf(error))
    })
    this.#file = file
    return file
  }

  #drained(file: WriteStream): Promise<boolean> {
    return new Promise(resolve => {
      const settle = (): void => {
        file.off('drain', settle)
        file.off('close', settle)
        resolve(!this.#ended)
      }
      file.on('drain', settle)
      file.on('close', settle)
    })
  }

  /** Closes the file and gives it its place; false = it failed meanwhile. */
  async #finish(): Promise<boolean> {
    const file = this.#file
    if (file === null) return true
    await new Promise<void>(resolve => {
      file.once('close', resolve)
      file.end()
    })
    if (this.#ended) return false
    await rename(writingPath(this.#store.folder, this.#generation), bodyPath(this.#store.folder, this.#generation))
    return !this.#ended
  }

  #refused(reason: StoreRefusal): CommitOutcome {
    if (!this.#ended) this.#refuse(reason)
    return { stored: false, reason: this.#refusal ?? reason }
  }

  #refuse(reason: StoreRefusal): false {
    this.#refusal = reason
    this.#store.counters.refuse(reason)
    if (reason === 'store_full' || reason === 'io_error') this.#store.counters.failures++
    this.#end()
    this.#discard()
    return false
  }

  #discard(): void {
    const file = this.#file
    if (file === null) return
    const remove = (): void => {
      unlink(writingPath(this.#store.folder, this.#generation), () => {})
      unlink(bodyPath(this.#store.folder, this.#generation), () => {})
    }
    if (file.closed) return remove()
    file.once('close', remove)
    file.destroy()
  }

  #end(): void {
    this.#ended = true
    this.#store.releaseWriter()
  }
}

function reasonOf(error: unknown): StoreRefusal {
  if (error instanceof IndexError) {
    if (error.problem === 'full') return 'store_full'
    return error.problem === 'busy' ? 'busy' : 'unavailable'
  }
  const code = (error as NodeJS.ErrnoException).code
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG' ? 'store_full' : 'io_error'
}
