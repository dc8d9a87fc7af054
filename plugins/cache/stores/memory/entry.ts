/**
 * An entry of the memory store, with its body and what it counts for.
 */
import { checkMeta, ENTRY_OVERHEAD_BYTES } from '../bounds.ts'
import type { EntryMeta, HeadUpdate, StoredEntry, StoredHead } from '../types.ts'

export interface MemoryEntryParts extends EntryMeta {
  readonly key: string
  readonly variant: string
  readonly generation: string
  readonly body: Buffer
  /** Length of the encoded head. */
  readonly headLength: number
}

export class MemoryEntry implements StoredEntry {
  readonly key: string
  readonly variant: string
  readonly generation: string
  readonly head: StoredHead
  readonly storedAtMs: number
  readonly expiresAtMs: number
  readonly url: string
  readonly route: string
  readonly tags: readonly string[]
  readonly body: Buffer
  readonly bodyLength: number
  /** What the entry counts for: body, head, names and overhead. */
  readonly bytes: number

  constructor(parts: MemoryEntryParts) {
    this.key = parts.key
    this.variant = parts.variant
    this.generation = parts.generation
    this.head = parts.head
    this.storedAtMs = parts.storedAtMs
    this.expiresAtMs = parts.expiresAtMs
    this.url = parts.url
    this.route = parts.route
    this.tags = parts.tags
    this.body = parts.body
    this.bodyLength = parts.body.length
    this.bytes = this.bodyLength + parts.headLength + countNames(parts) + ENTRY_OVERHEAD_BYTES
  }

  /** The same body under another head; null where that does not fit the bounds. */
  withHead(update: HeadUpdate, nowMs: number): MemoryEntry | null {
    const meta: EntryMeta = { url: this.url, route: this.route, tags: this.tags, ...update }
    const check = checkMeta(this.key, this.variant, meta, nowMs)
    if (!check.fits) return null
    const { key, variant, generation, body } = this
    const headLength = check.encodedHead.length
    return new MemoryEntry({ ...meta, key, variant, generation, body, headLength, expiresAtMs: check.expiresAtMs })
  }
}

/** A copy of the set with the entry in it; the newest stands first, and of two of the same time the later comer. */
export function insertNewestFirst<T extends StoredEntry>(set: readonly T[], entry: T): readonly T[] {
  const at = set.findIndex(other => other.storedAtMs <= entry.storedAtMs)
  return at === -1 ? [...set, entry] : set.toSpliced(at, 0, entry)
}

function countNames(parts: MemoryEntryParts): number {
  let length = parts.key.length + parts.variant.length + parts.url.length
  for (const tag of parts.tags) length += tag.length
  return length
}
