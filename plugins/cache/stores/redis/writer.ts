/**
 * A body on its way into Redis: chunks under a name of their own and a short TTL, made an entry by one script.
 */
import { checkMeta, ENTRY_OVERHEAD_BYTES } from '../bounds.ts'
import type { CommitOutcome, EntryMeta, StoreRefusal, StoreWriter, WriteHints } from '../types.ts'
import type { Answer, Unanswered } from './guard.ts'
import { CHUNK_BYTES, chunkKey, placeOf, randomName } from './keys.ts'
import { makeEntry, type RedisEntry } from './records.ts'
import type { RedisStore } from './store.ts'

/** Chunks on their way to the server before the origin is held back. */
const WRITE_AHEAD_CHUNKS = 2
/** How long a writer and its chunks are remembered that no entry refers to yet; a body must be written in this time. */
export const UNCOMMITTED_TTL_MS = 10 * 60_000

const neverOpened: Promise<Answer<number>> = Promise.resolve({ ok: false, why: 'busy' })

export class RedisWriter implements StoreWriter {
  readonly #store: RedisStore
  readonly #key: string
  readonly #variant: string
  readonly #expectedLength: number | null
  readonly #generation = randomName()
  readonly #base: string
  /** Number of the newest purge in the log when the writer was opened; by key, the note in Redis decides. */
  readonly #openedAt: Promise<Answer<number>>
  #waiting: Buffer[] = []
  #waitingLength = 0
  #length = 0
  #sent = 0
  readonly #sending = new Set<Promise<unknown>>()
  #refusal: StoreRefusal | null = null
  #ended = false

  constructor(store: RedisStore, key: string, variant: string, hints: WriteHints) {
    this.#store = store
    this.#key = key
    this.#variant = variant
    this.#expectedLength = hints.bodyLength
    this.#base = placeOf(key, store.shards).base
    const refusal = store.takeWriter() ? this.#refusalAtOnce(hints) : 'busy'
    this.#openedAt = refusal === null ? store.noteWriter(key, variant, this.#generation) : neverOpened
    if (refusal === 'busy') this.#shut(refusal)
    else if (refusal !== null) this.#refuse(refusal)
  }

  get refusal(): StoreRefusal | null {
    return this.#refusal
  }

  write(chunk: Buffer): boolean | Promise<boolean> {
    if (this.#ended) return false
    this.#length += chunk.length
    if (this.#length > this.#store.bounds.maxObjectBytes) return this.#refuse('too_large')
    this.#waiting.push(chunk)
    this.#waitingLength += chunk.length
    while (this.#waitingLength >= CHUNK_BYTES) this.#send(CHUNK_BYTES)
    if (this.#sending.size < WRITE_AHEAD_CHUNKS) return true
    return Promise.race(this.#sending).then(() => !this.#ended)
  }

  async commit(meta: EntryMeta): Promise<CommitOutcome> {
    if (this.#ended) return { stored: false, reason: this.#refusal ?? 'aborted' }
    const check = checkMeta(this.#key, this.#variant, meta, this.#store.now())
    if (!check.fits) return this.#refused(check.reason)
    if (this.#expectedLength !== null && this.#expectedLength !== this.#length) return this.#refused('length_mismatch')
    if (this.#waitingLength > 0) this.#send(this.#waitingLength)
    const [openedAt] = await Promise.all([this.#openedAt, ...this.#sending])
    if (this.#ended) return { stored: false, reason: this.#refusal ?? 'aborted' }
    if (!openedAt.ok) return this.#refused(refusalOf(openedAt.why))
    const facts = { ...meta, expiresAtMs: check.expiresAtMs }
    return this.#enter(this.#entry(facts, check.encodedHead.length), openedAt.value)
  }

  abort(): void {
    if (!this.#ended) this.#refuse('aborted')
  }

  #refusalAtOnce({ bodyLength }: WriteHints): StoreRefusal | null {
    if (!this.#store.available) return 'unavailable'
    return (bodyLength ?? 0) > this.#store.bounds.maxObjectBytes ? 'too_large' : null
  }

  #entry(meta: EntryMeta, headLength: number): RedisEntry {
    const bytes = this.#length + headLength + ENTRY_OVERHEAD_BYTES + 3 * meta.url.length
    const names = { key: this.#key, variant: this.#variant, generation: this.#generation, bodyLength: this.#length }
    return makeEntry({ ...names, bytes, shards: this.#store.shards }, meta)
  }

  async #enter(entry: RedisEntry, openedAt: number): Promise<CommitOutcome> {
    const refusal = await this.#store.enter(entry, openedAt)
    if (refusal !== null) return this.#refused(refusal)
    if (this.#ended) {
      this.#store.forget(entry)
      return { stored: false, reason: this.#refusal ?? 'aborted' }
    }
    this.#end()
    this.#store.counters.stored++
    return { stored: true, entry }
  }

  /** Sends the first `length` bytes that wait as one value. */
  #send(length: number): void {
    const joined = this.#waiting.length === 1 ? (this.#waiting[0] as Buffer) : Buffer.concat(this.#waiting)
    const rest = joined.subarray(length)
    this.#waiting = rest.length === 0 ? [] : [rest]
    this.#waitingLength = rest.length
    const key = chunkKey(this.#base, this.#generation, this.#sent++)
    const value = joined.subarray(0, length)
    const sending = this.#store
      .ask(client => client.set(key, value, 'PX', UNCOMMITTED_TTL_MS))
      .then(answer => {
        this.#sending.delete(sending)
        if (!answer.ok && !this.#ended) this.#refuse(refusalOf(answer.why))
      })
    this.#sending.add(sending)
  }

  #refused(reason: StoreRefusal): CommitOutcome {
    if (!this.#ended) this.#refuse(reason)
    return { stored: false, reason: this.#refusal ?? reason }
  }

  #refuse(reason: StoreRefusal): false {
    this.#shut(reason)
    this.#store.releaseWriter()
    void this.#discard()
    return false
  }

  #shut(reason: StoreRefusal): void {
    this.#refusal = reason
    this.#ended = true
    this.#waiting = []
    this.#store.counters.refuse(reason)
  }

  #end(): void {
    this.#ended = true
    this.#store.releaseWriter()
  }

  async #discard(): Promise<void> {
    if (this.#openedAt === neverOpened) return
    await Promise.all([this.#openedAt, ...this.#sending])
    const chunks = Array.from({ length: this.#sent }, (_, index) => chunkKey(this.#base, this.#generation, index))
    await this.#store.discardWriter(this.#key, this.#generation, chunks)
  }
}

export function refusalOf(why: Unanswered): StoreRefusal {
  if (why === 'full') return 'store_full'
  return why === 'busy' ? 'busy' : 'unavailable'
}
