/**
 * Makes coded forms of what is stored, one at a time, when the process has time to spare, and after a while even if it has
 * not: each form that is missing costs more than making it, as soon as it is asked for often.
 */
import { LRUCache } from 'lru-cache'
import { headOf } from '../passage.ts'
import { currentAgeMs } from '../rules/age.ts'
import type { CacheStore, StoredEntry } from '../stores/index.ts'
import type { VariantCodec } from './codec.ts'
import { codedVariant } from './coded-entry.ts'
import { decideWorth } from './decide-coded.ts'
import { LoadWatch } from './load-watch.ts'
import { type Made, makeCoded, wholeBody } from './make-coded.ts'
import type { StoredForms } from './sorted-set.ts'

/** Answers that wait for the encoder, and the bytes of their bodies together. */
export const MOST_QUEUED = 256
export const MOST_QUEUED_BYTES = 64 * 1024 * 1024
/** Bodies of which it is remembered how often they were asked for, or that nothing is to be made of them. */
const MOST_REMEMBERED = 8_192
/** How long an answer waits for an idle moment. */
export const MOST_PATIENCE_MS = 2_000
/** For how long one gateway of several has the right to make the forms of an answer. */
const LOCK_MS = 60_000
/** Where another gateway has it, so many uses go by before it is looked at again. */
const USES_TO_WAIT = 64

/** What is told of the work. */
export interface CodingEvents {
  made(route: string, coding: string, made: Made): void
  refused(route: string, reason: string): void
}

interface Job {
  readonly entry: StoredEntry
  readonly codings: readonly string[]
  readonly queuedMs: number
}

export class CodingBackground {
  readonly #store: CacheStore
  readonly #codec: VariantCodec
  readonly #events: CodingEvents
  readonly #watch = new LoadWatch(() => this.#next())
  /** By generation, in the order in which they came. */
  readonly #queue = new Map<string, Job>()
  #queuedBytes = 0
  /** By generation; Infinity = everything that can be made of it has been tried here. */
  readonly #uses = new LRUCache<string, number>({ max: MOST_REMEMBERED })
  #running: { readonly entry: StoredEntry; readonly abort: AbortController } | null = null
  #isClosed = false

  constructor(store: CacheStore, codec: VariantCodec, events: CodingEvents) {
    this.#store = store
    this.#codec = codec
    this.#events = events
  }

  get queued(): number {
    return this.#queue.size + (this.#running === null ? 0 : 1)
  }

  /** It was stored or asked for; what may be encoded at all has been decided before. */
  noteUse({ entry, coded }: StoredForms, nowMs: number): void {
    if (coded.size >= this.#codec.codings.length) return
    const { generation } = entry
    const uses = (this.#uses.get(generation) ?? 0) + 1
    this.#uses.set(generation, uses)
    if (uses < 1 || uses === Number.POSITIVE_INFINITY || this.#queue.has(generation)) return
    if (this.#running?.entry.generation === generation) return
    const head = headOf(entry)
    const freshForMs = head.freshness.lifetimeMs - currentAgeMs(head, nowMs)
    const keptForMs = entry.expiresAtMs - nowMs
    const { worth, reason } = decideWorth({ bodyLength: entry.bodyLength, uses, freshForMs, keptForMs })
    if (worth) return this.#enqueue(entry, coded)
    if (reason === 'too-large') this.#uses.set(generation, Number.POSITIVE_INFINITY)
    this.#events.refused(entry.route, reason)
  }

  /** Whoever is named is not worked on any more. */
  forget(isNamed: (entry: StoredEntry) => boolean): void {
    for (const [generation, { entry }] of this.#queue) if (isNamed(entry)) this.#drop(generation)
    if (this.#running !== null && isNamed(this.#running.entry)) this.#running.abort.abort()
  }

  close(): void {
    this.#isClosed = true
    this.#watch.stop()
    this.forget(() => true)
  }

  #enqueue(entry: StoredEntry, coded: ReadonlyMap<string, StoredEntry>): void {
    if (this.#queue.size >= MOST_QUEUED || this.#queuedBytes + entry.bodyLength > MOST_QUEUED_BYTES) {
      return this.#events.refused(entry.route, 'queue-full')
    }
    const codings = this.#codec.codings.filter(coding => !coded.has(coding))
    this.#queue.set(entry.generation, { entry, codings, queuedMs: performance.now() })
    this.#queuedBytes += entry.bodyLength
    if (this.#running === null) this.#watch.start()
  }

  #drop(generation: string): Job | undefined {
    const job = this.#queue.get(generation)
    if (job === undefined) return undefined
    this.#queue.delete(generation)
    this.#queuedBytes -= job.entry.bodyLength
    return job
  }

  /** Looks for work at each sample, so that there is one at most that runs. */
  #next(): void {
    if (this.#running !== null || this.#isClosed) return
    const [first] = this.#queue
    if (first === undefined) return this.#watch.stop()
    const [generation, { queuedMs }] = first
    if (!this.#watch.isIdle && performance.now() - queuedMs < MOST_PATIENCE_MS) return
    const job = this.#drop(generation) as Job
    this.#running = { entry: job.entry, abort: new AbortController() }
    this.#watch.isWorking = true
    void this.#run(job, this.#running.abort.signal).finally(() => {
      this.#running = null
      this.#watch.isWorking = false
      if (this.#watch.isIdle) this.#next()
    })
  }

  async #run({ entry, codings }: Job, signal: AbortSignal): Promise<void> {
    const lock = await this.#store.lock(codedVariant(entry.key, entry.variant), LOCK_MS)
    if (!lock.acquired) return void this.#uses.set(entry.generation, -USES_TO_WAIT)
    try {
      const body = await wholeBody(this.#store, entry)
      if (body === null) return this.#events.refused(entry.route, 'replaced')
      for (const coding of codings) {
        if (signal.aborted) return
        const made = await makeCoded({ store: this.#store, codec: this.#codec, entry, body, coding, signal })
        this.#events.made(entry.route, coding, made)
        if (!made.made && made.reason === 'replaced') return
      }
      this.#uses.set(entry.generation, Number.POSITIVE_INFINITY)
    } finally {
      lock.release()
    }
  }
}
