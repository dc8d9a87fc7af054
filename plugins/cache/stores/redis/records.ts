/**
 * Entries as they are written into Redis.
 */
import type { EntryMeta, StoredEntry } from '../types.ts'
import { memberName, placeOf } from './keys.ts'

export interface RedisEntry extends StoredEntry {
  /** What the index calls it. */
  readonly member: string
  /** Where the keys of its shard begin. */
  readonly base: string
}

export interface EntryNames {
  readonly key: string
  readonly variant: string
  readonly generation: string
  readonly bodyLength: number
  readonly bytes: number
  readonly shards: number
}

export function makeEntry(names: EntryNames, meta: EntryMeta): RedisEntry {
  const { key, variant, generation, bodyLength, bytes, shards } = names
  const { head, storedAtMs, expiresAtMs, url, route, tags } = meta
  const member = memberName({ url, key, variant, generation, bodyLength, bytes })
  const { base } = placeOf(key, shards)
  return { key, variant, generation, bodyLength, head, storedAtMs, expiresAtMs, url, route, tags, member, base }
}

export function encodeRecord(entry: RedisEntry): string {
  const { member, base: _, ...fields } = entry
  return `${member}\n${Math.trunc(entry.storedAtMs)}\n${JSON.stringify(fields)}`
}

/** Null for what is no record of ours. */
export function decodeRecord(record: string, base: string): RedisEntry | null {
  const first = record.indexOf('\n')
  const second = record.indexOf('\n', first + 1)
  if (first === -1 || second === -1) return null
  try {
    const fields: unknown = JSON.parse(record.slice(second + 1))
    return isStoredEntry(fields) ? { ...fields, member: record.slice(0, first), base } : null
  } catch {
    return null
  }
}

const texts = ['key', 'variant', 'generation', 'url', 'route']
const numbers = ['bodyLength', 'storedAtMs', 'expiresAtMs']

/** Anybody may write into a Redis; what the head says is for those to judge who read heads. */
function isStoredEntry(fields: unknown): fields is StoredEntry {
  if (typeof fields !== 'object' || fields === null) return false
  const { head, tags, ...named } = fields as Record<string, unknown>
  if (typeof head !== 'object' || head === null || !Array.isArray(tags)) return false
  return texts.every(name => typeof named[name] === 'string') && numbers.every(name => Number.isFinite(named[name]))
}

/** What purges compare with, beside the hash of the address. */
export function encodePurgeFacts({ key, variant, url, route, tags }: StoredEntry): string {
  return JSON.stringify({ key, variant, url, route, tags })
}
