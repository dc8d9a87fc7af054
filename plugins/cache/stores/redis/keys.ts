/**
 * Names of keys and members in Redis: hashes and random numbers, never a byte of a client.
 */
import { hash, randomBytes } from 'node:crypto'
import { MAX_ENTRY_AGE_MS } from '../bounds.ts'

/** In front of every key; the number changes when the form of what is stored changes. */
export const KEY_PREFIX = 'hearthgate:v1:cache:'
/** A body is cut into values of this length. */
export const CHUNK_BYTES = 256 * 1024
/** Longer than any entry, so that the index outlives them. */
export const INDEX_TTL_MS = MAX_ENTRY_AGE_MS + 24 * 3_600_000

/** 128 bits of SHA-256 in 22 characters. */
export function hashName(text: string): string {
  return hash('sha256', text, 'buffer').subarray(0, 16).toString('base64url')
}

export function randomName(): string {
  return randomBytes(16).toString('base64url')
}

/** Where all keys of a shard begin; the braces keep them in one slot of a Cluster. */
export function shardBase(shard: number): string {
  return `${KEY_PREFIX}{${shard}}:`
}

/** The shard that a key belongs to, for ever the same for the same number of shards. */
function shardOf(keyHash: string, shards: number): number {
  return shards === 1 ? 0 : (keyHash.charCodeAt(0) * 64 + keyHash.charCodeAt(1)) % shards
}

/** The hash of a key, and where all keys of its shard begin. */
export function placeOf(key: string, shards: number): { readonly keyHash: string; readonly base: string } {
  const keyHash = hashName(key)
  return { keyHash, base: shardBase(shardOf(keyHash, shards)) }
}

export function chunkKey(base: string, generation: string, index: number): string {
  return `${base}b:${generation}:${index}`
}

/** The writers that are open for a key. */
export function writersKey(base: string, keyHash: string): string {
  return `${base}w:${keyHash}`
}

export function chunkCount(bodyLength: number): number {
  return Math.ceil(bodyLength / CHUNK_BYTES)
}

export interface MemberParts {
  readonly url: string
  readonly key: string
  readonly variant: string
  readonly generation: string
  readonly bodyLength: number
  /** What the entry counts for. */
  readonly bytes: number
}

export function memberName(parts: MemberParts): string {
  const hashes = [hashName(parts.url), hashName(parts.key), hashName(parts.variant)]
  return [...hashes, parts.generation, chunkCount(parts.bodyLength), parts.bytes].join('.')
}
