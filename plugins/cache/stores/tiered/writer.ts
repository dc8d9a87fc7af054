/**
 * A writer of the store behind that keeps a copy of a small body for the memory in front.
 */
import { joinChunks } from '../bytes.ts'
import type { CommitOutcome, EntryMeta, StoreRefusal, StoreWriter } from '../types.ts'
import type { TieredStore } from './store.ts'

export class TieredWriter implements StoreWriter {
  readonly #store: TieredStore
  readonly #back: StoreWriter
  #copy: Buffer[] | null = []
  #copied = 0

  constructor(store: TieredStore, back: StoreWriter) {
    this.#store = store
    this.#back = back
  }

  get refusal(): StoreRefusal | null {
    return this.#back.refusal
  }

  write(chunk: Buffer): boolean | Promise<boolean> {
    if (this.#copy !== null) this.#keep(this.#copy, chunk)
    return this.#back.write(chunk)
  }

  async commit(meta: EntryMeta): Promise<CommitOutcome> {
    const outcome = await this.#back.commit(meta)
    if (outcome.stored) {
      const body = this.#copy === null ? null : joinChunks(this.#copy, this.#copied)
      this.#store.noteCommit(outcome.entry, body)
    }
    this.#drop()
    return outcome
  }

  abort(): void {
    this.#drop()
    this.#back.abort()
  }

  #keep(copy: Buffer[], chunk: Buffer): void {
    if (this.#copied + chunk.length > this.#store.maxPromotedBytes || !this.#store.reserve(chunk.length))
      return this.#drop()
    copy.push(chunk)
    this.#copied += chunk.length
  }

  #drop(): void {
    this.#store.reserve(-this.#copied)
    this.#copy = null
    this.#copied = 0
  }
}
