/**
 * Rows of the index and what they mean as entries.
 */
import { hash } from 'node:crypto'
import type { StoredEntry, StoredHead } from '../types.ts'

export interface EntryRow {
  readonly key: string
  readonly variant: string
  readonly head: string
  readonly url: string
  readonly route: string
  /** JSON array. */
  readonly tags: string
  readonly generation: string
  readonly body_length: number
  readonly checksum: number
  readonly boot: string
  readonly stored_at: number
  readonly expires_at: number
}

/** An entry whose body is a file. */
export interface DiskEntry extends StoredEntry {
  /** CRC-32 of the body. */
  readonly checksum: number
  /** The run of the machine in which the body was written. */
  readonly boot: string
}

export function toEntry(row: EntryRow): DiskEntry {
  return {
    key: row.key,
    variant: row.variant,
    head: JSON.parse(row.head) as StoredHead,
    url: row.url,
    route: row.route,
    tags: JSON.parse(row.tags) as string[],
    generation: row.generation,
    bodyLength: row.body_length,
    checksum: row.checksum,
    boot: row.boot,
    storedAtMs: row.stored_at,
    expiresAtMs: row.expires_at,
  }
}

/** What the index finds keys and variants by: 128 bits of SHA-256. The whole text is compared as well. */
export function hashName(text: string): Buffer {
  return hash('sha256', text, 'buffer').subarray(0, 16)
}
