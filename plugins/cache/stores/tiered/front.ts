/**
 * The memory in front of a store: whole variant sets by key and bodies by generation. A body never gets stale, since
 * another body has another generation; a set does, and carries what its freshness is judged by.
 */
import { LRUCache } from 'lru-cache'
import { ENTRY_OVERHEAD_BYTES } from '../bounds.ts'
import type { StoredEntry, VariantSet } from '../types.ts'

/** Share of the memory that heads may take. */
const SET_SHARE = 0.25

export interface KnownSet {
  readonly set: VariantSet
  /** Version of the store behind when it was asked. */
  readonly version: number
  readonly askedAtMs: number
}

export class Front {
  readonly #sets: LRUCache<string, KnownSet>
  readonly #bodies: LRUCache<string, Buffer>

  constructor(maxBytes: number) {
    const setBytes = Math.max(1, Math.floor(maxBytes * SET_SHARE))
    this.#sets = new LRUCache({ maxSize: setBytes, sizeCalculation: known => countSet(known.set) })
    const bodyBytes = Math.max(1, maxBytes - setBytes)
    this.#bodies = new LRUCache({ maxSize: bodyBytes, sizeCalculation: body => body.length + ENTRY_OVERHEAD_BYTES })
  }

  get bytes(): number {
    return this.#sets.calculatedSize + this.#bodies.calculatedSize
  }

  set(key: string): KnownSet | undefined {
    return this.#sets.get(key)
  }

  putSet(key: string, known: KnownSet): void {
    this.#sets.set(key, known)
  }

  dropSet(key: string): void {
    this.#sets.delete(key)
  }

  dropSets(): void {
    this.#sets.clear()
  }

  body(generation: string): Buffer | undefined {
    return this.#bodies.get(generation)
  }

  putBody(generation: string, body: Buffer): void {
    this.#bodies.set(generation, body)
  }

  clear(): void {
    this.#sets.clear()
    this.#bodies.clear()
  }
}

function countSet(set: VariantSet): number {
  return set.reduce((sum, entry) => sum + countEntry(entry), 0)
}

function countEntry(entry: StoredEntry): number {
  const names = entry.key.length + entry.variant.length + entry.url.length
  return JSON.stringify(entry.head).length + names + ENTRY_OVERHEAD_BYTES
}
