/**
 * The bounds that every store keeps, and the check of an entry against them.
 */
import type { EntryMeta, StoreRefusal } from './types.ts'

/** Most bytes of the encoded head of an entry. */
export const MAX_HEAD_BYTES = 64 * 1024
/** Most characters of a primary key, of a variant and of an address. */
export const MAX_KEY_LENGTH = 32 * 1024
/** Most tags of an entry; one with more is not stored, since it could not be purged by all of them. */
export const MAX_TAGS = 128
/** Most characters of a tag. */
export const MAX_TAG_LENGTH = 1024
/** Variants of one key that are kept; the oldest goes first. */
export const DEFAULT_MAX_VARIANTS = 16
/** Largest body. */
export const DEFAULT_MAX_OBJECT_BYTES = 8 * 1024 * 1024
/** Longest time that an entry is kept, whatever the origin says. */
export const MAX_ENTRY_AGE_MS = 30 * 24 * 3_600_000
/** Purges that are remembered for writers that were opened before them. */
export const MAX_PURGE_LOG = 1024
/** Counted for each entry beside its body, head and names, so that empty bodies are bounded too. */
export const ENTRY_OVERHEAD_BYTES = 1024

export interface StoreBounds {
  /** Most bytes of all entries together, overhead included. */
  readonly maxBytes: number
  readonly maxObjectBytes: number
  readonly maxVariants: number
}

export type BoundsInput = Partial<StoreBounds>

/** Fills in the defaults; an object is never allowed to be larger than the store. */
export function resolveBounds(input: BoundsInput, defaultMaxBytes: number): StoreBounds {
  const maxBytes = input.maxBytes ?? defaultMaxBytes
  return {
    maxBytes,
    maxObjectBytes: Math.min(input.maxObjectBytes ?? DEFAULT_MAX_OBJECT_BYTES, maxBytes),
    maxVariants: input.maxVariants ?? DEFAULT_MAX_VARIANTS,
  }
}

export type MetaCheck =
  | { readonly fits: true; readonly encodedHead: string; readonly expiresAtMs: number }
  | { readonly fits: false; readonly reason: StoreRefusal }

/** Whether an entry fits, and its head encoded once. `expiresAtMs` comes back bounded by `MAX_ENTRY_AGE_MS`. */
export function checkMeta(key: string, variant: string, meta: EntryMeta, nowMs: number): MetaCheck {
  if (key.length > MAX_KEY_LENGTH || variant.length > MAX_KEY_LENGTH || meta.url.length > MAX_KEY_LENGTH)
    return { fits: false, reason: 'key_too_long' }
  if (meta.tags.length > MAX_TAGS || meta.tags.some(tag => tag.length > MAX_TAG_LENGTH))
    return { fits: false, reason: 'bad_tags' }
  if (!(meta.expiresAtMs > nowMs)) return { fits: false, reason: 'expired' }
  const encodedHead = JSON.stringify(meta.head)
  if (Buffer.byteLength(encodedHead) > MAX_HEAD_BYTES) return { fits: false, reason: 'head_too_large' }
  return { fits: true, encodedHead, expiresAtMs: Math.min(meta.expiresAtMs, nowMs + MAX_ENTRY_AGE_MS) }
}
