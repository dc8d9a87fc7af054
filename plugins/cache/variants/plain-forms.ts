/**
 * The plain form of an answer that its origin has encoded, for clients that cannot take the coding: decoded when the first
 * of them comes, by one for all who wait for it, and kept beside the answer like a coded form.
 */
import { LRUCache } from 'lru-cache'
import type { CachedHead } from '../passage.ts'
import { readAnswerFacts } from '../rules/answer-facts.ts'
import { hasMember } from '../rules/directives.ts'
import { joinedValue } from '../rules/fields.ts'
import type { CacheStore, StoredEntry } from '../stores/index.ts'
import type { VariantCodec } from './codec.ts'
import { PLAIN } from './coded-entry.ts'
import { MOST_BODY_BYTES } from './decide-coded.ts'
import { CpuSpan, keepForm, type Made, wholeBody } from './make-coded.ts'

/** Decodings at once: each holds a body and what becomes of it. Who comes beyond them gets it decoded on the way. */
export const MOST_PLAIN_AT_ONCE = 4
/** Bodies of which it is remembered that they have no plain form to keep. */
const MOST_REMEMBERED = 1_024

/** The coding that is taken off the answer to keep it plain; null = none, it may not be changed, or it is too long. */
export function decidePlainable(head: CachedHead, bodyLength: number): string | null {
  if (head.isPartial !== null || head.status !== 200 || bodyLength === 0 || bodyLength > MOST_BODY_BYTES) return null
  return removableCoding(head.headers)
}

/** The coding that may be taken off an answer with these fields, however long it is. */
export function removableCoding(headers: readonly string[]): string | null {
  const coding = joinedValue(headers, 'content-encoding')
  // RFC 9110 §7.7
  if (coding === null || hasMember(joinedValue(headers, 'cache-control') ?? '', 'no-transform')) return null
  return readAnswerFacts(headers, 0).contentEncoding === null ? null : coding
}

export interface PlainEvents {
  made(route: string, coding: string, made: Made): void
  refused(route: string, reason: string): void
}

export class PlainForms {
  readonly #store: CacheStore
  readonly #codec: VariantCodec
  readonly #events: PlainEvents
  /** By generation. */
  readonly #running = new Map<string, Promise<StoredEntry | null>>()
  readonly #failed = new LRUCache<string, true>({ max: MOST_REMEMBERED })
  #isClosed = false

  constructor(store: CacheStore, codec: VariantCodec, events: PlainEvents) {
    this.#store = store
    this.#codec = codec
    this.#events = events
  }

  mayMake({ generation }: StoredEntry): boolean {
    if (this.#isClosed || this.#failed.has(generation)) return false
    return this.#running.has(generation) || this.#running.size < MOST_PLAIN_AT_ONCE
  }

  /** Null where it cannot be made or kept; never rejects. */
  make(entry: StoredEntry, coding: string): Promise<StoredEntry | null> {
    const { generation } = entry
    const running = this.#running.get(generation)
    if (running !== undefined) return running
    const made = this.#make(entry, coding).finally(() => this.#running.delete(generation))
    this.#running.set(generation, made)
    return made
  }

  close(): void {
    this.#isClosed = true
  }

  async #make(entry: StoredEntry, coding: string): Promise<StoredEntry | null> {
    const body = await wholeBody(this.#store, entry)
    // Replaced meanwhile: nothing is said of another body.
    if (body === null) return null
    const span = new CpuSpan()
    const plain = await this.#codec.decode(body, coding, MOST_BODY_BYTES).catch(() => null)
    const cpuMs = span.ms
    if (plain === null) return this.#giveUp(entry, 'decode-failed')
    const kept = await keepForm({ store: this.#store, entry, coding: PLAIN, isGone: () => this.#isClosed }, plain)
    if (typeof kept === 'string') return kept === 'store' ? this.#giveUp(entry, kept) : null
    this.#events.made(entry.route, PLAIN, { made: true, bytes: plain.length, cpuMs })
    return kept
  }

  #giveUp({ generation, route }: StoredEntry, reason: string): null {
    this.#failed.set(generation, true)
    this.#events.refused(route, reason)
    return null
  }
}
