/**
 * A body on its way into the memory store.
 */
import { checkMeta } from '../bounds.ts'
import { joinChunks } from '../bytes.ts'
import type { CommitOutcome, EntryMeta, StoreRefusal, StoreWriter, WriteHints } from '../types.ts'
import { MemoryEntry } from './entry.ts'
import type { MemoryStore } from './store.ts'

let generations = 0

export class MemoryWriter implements StoreWriter {
  readonly #store: MemoryStore
  readonly #key: string
  readonly #variant: string
  readonly #expectedLength: number | null
  readonly #openedAt: number
  #chunks: Buffer[] = []
  #length = 0
  #refusal: StoreRefusal | null = null
  #ended = false

  constructor(store: MemoryStore, key: string, variant: string, hints: WriteHints) {
    this.#store = store
    this.#key = key
    this.#variant = variant
    this.#expectedLength = hints.bodyLength
    this.#openedAt = store.purges.sequence
    if (store.closed) this.#refuse('closed')
    else if ((hints.bodyLength ?? 0) > store.bounds.maxObjectBytes) this.#refuse('too_large')
  }

  get refusal(): StoreRefusal | null {
    return this.#refusal
  }

  write(chunk: Buffer): boolean {
    if (this.#ended) return false
    if (this.#length + chunk.length > this.#store.bounds.maxObjectBytes) return this.#refuse('too_large')
    if (!this.#store.reserve(chunk.length)) return this.#refuse('busy')
    this.#chunks.push(chunk)
    this.#length += chunk.length
    return true
  }

  commit(meta: EntryMeta): CommitOutcome {
    if (this.#ended) return { stored: false, reason: this.#refusal ?? 'aborted' }
    const check = checkMeta(this.#key, this.#variant, meta, this.#store.now())
    if (!check.fits) return this.#refused(check.reason)
    if (this.#expectedLength !== null && this.#expectedLength !== this.#length) return this.#refused('length_mismatch')
    const named = { ...meta, key: this.#key, variant: this.#variant }
    if (this.#store.purges.hasPurged(named, this.#openedAt)) return this.#refused('purged')
    const entry = new MemoryEntry({
      ...named,
      expiresAtMs: check.expiresAtMs,
      generation: `m${++generations}`,
      body: joinChunks(this.#chunks, this.#length),
      headLength: check.encodedHead.length,
    })
    if (!this.#store.place(entry)) return this.#refused('too_large')
    this.#end()
    this.#store.counters.stored++
    return { stored: true, entry }
  }

  abort(): void {
    if (!this.#ended) this.#refuse('aborted')
  }

  #refused(reason: StoreRefusal): CommitOutcome {
    this.#refuse(reason)
    return { stored: false, reason }
  }

  #refuse(reason: StoreRefusal): false {
    this.#refusal = reason
    this.#store.counters.refuse(reason)
    this.#end()
    return false
  }

  #end(): void {
    this.#ended = true
    this.#store.reserve(-this.#length)
    this.#chunks = []
  }
}
