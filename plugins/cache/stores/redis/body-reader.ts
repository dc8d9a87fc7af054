/**
 * Bodies out of Redis: one value as a Buffer, several as a stream that fetches one chunk ahead. The stream begins only
 * when all its chunks are known to be there.
 */
import { Readable } from 'node:stream'
import type { ByteRange } from '../types.ts'
import type { RedisGuard } from './guard.ts'
import { CHUNK_BYTES, chunkKey } from './keys.ts'
import type { RedisEntry } from './records.ts'

/** How long a chunk may take once the answer has begun: too late for a miss, so patience is better than a cut. */
export const CHUNK_PATIENCE_MS = 900

/** `gone` = the body is not all there; `unanswered` = Redis did not say. */
export type BodyAnswer = Buffer | Readable | 'gone' | 'unanswered'

export async function readBody(guard: RedisGuard, entry: RedisEntry, range: ByteRange): Promise<BodyAnswer> {
  const first = Math.floor(range.start / CHUNK_BYTES)
  const last = Math.floor(range.end / CHUNK_BYTES)
  const head = fetchPart(guard, entry, part(range, first))
  if (first === last) {
    const only = await head
    return only === 'missing' ? 'gone' : (only ?? 'unanswered')
  }
  const keys = Array.from({ length: last - first + 1 }, (_, at) => chunkKey(entry.base, entry.generation, first + at))
  const [begin, present] = await Promise.all([head, guard.ask(client => client.touch(...keys))])
  if (begin === null || !present.ok) return 'unanswered'
  if (begin === 'missing' || present.value !== keys.length) return 'gone'
  return new ChunkStream(guard, entry, range, begin)
}

interface Part {
  readonly index: number
  readonly start: number
  readonly end: number
}

/** What of a chunk lies in the range. */
function part(range: ByteRange, index: number): Part {
  const origin = index * CHUNK_BYTES
  return { index, start: Math.max(range.start - origin, 0), end: Math.min(range.end - origin, CHUNK_BYTES - 1) }
}

/** Null = no answer. */
async function fetchPart(
  guard: RedisGuard,
  entry: RedisEntry,
  wanted: Part,
  patienceMs?: number,
): Promise<Buffer | 'missing' | null> {
  const key = chunkKey(entry.base, entry.generation, wanted.index)
  const answer = await guard.ask(client => client.getrangeBuffer(key, wanted.start, wanted.end), patienceMs)
  if (!answer.ok) return null
  return answer.value.length === wanted.end - wanted.start + 1 ? answer.value : 'missing'
}

class ChunkStream extends Readable {
  readonly #guard: RedisGuard
  readonly #entry: RedisEntry
  readonly #range: ByteRange
  readonly #last: number
  #index: number
  #next: Promise<Buffer | 'missing' | null>

  constructor(guard: RedisGuard, entry: RedisEntry, range: ByteRange, begin: Buffer) {
    super({ highWaterMark: CHUNK_BYTES })
    this.#guard = guard
    this.#entry = entry
    this.#range = range
    this.#index = Math.floor(range.start / CHUNK_BYTES)
    this.#last = Math.floor(range.end / CHUNK_BYTES)
    this.#next = Promise.resolve(begin)
  }

  override async _read(): Promise<void> {
    const chunk = await this.#next
    if (this.destroyed) return
    if (!Buffer.isBuffer(chunk)) {
      this.destroy(new Error('the cache lost the rest of a body'))
      return
    }
    this.#index++
    const isLast = this.#index > this.#last
    if (!isLast) this.#next = fetchPart(this.#guard, this.#entry, part(this.#range, this.#index), CHUNK_PATIENCE_MS)
    this.push(chunk)
    if (isLast) this.push(null)
  }
}
