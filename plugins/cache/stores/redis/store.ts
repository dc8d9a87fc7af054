/**
 * Entries in Redis, shared by any number of gateways. Whatever Redis does, an operation ends within the time limit: as
 * a miss or a refusal when there is no answer.
 */
import type { Readable } from 'node:stream'
import { type BoundsInput, checkMeta, resolveBounds, type StoreBounds } from '../bounds.ts'
import { EMPTY_BODY } from '../bytes.ts'
import { StoreCounters } from '../counters.ts'
import { notAcquired, unguarded } from '../memory/local-locks.ts'
import { PendingPurges, type Selectable } from '../purge-log.ts'
import type {
  ByteRange,
  CacheStore,
  Clock,
  HeadUpdate,
  PurgeOutcome,
  PurgeSelector,
  StoredEntry,
  StoreLock,
  StoreRefusal,
  StoreStats,
  VariantSet,
  WriteHints,
} from '../types.ts'
import { UseNotes } from '../use-notes.ts'
import type { RedisAddress } from './address.ts'
import { readBody } from './body-reader.ts'
import { connectRedis, type RedisClient } from './connect.ts'
import { type Answer, RedisGuard } from './guard.ts'
import { hashName, INDEX_TTL_MS, placeOf, randomName, shardBase, writersKey } from './keys.ts'
import { type Ask, purgeEverywhere } from './purge.ts'
import type { Reach } from './reach.ts'
import { RecentPurges } from './recent-purges.ts'
import { decodeRecord, encodePurgeFacts, encodeRecord, type RedisEntry } from './records.ts'
import { COMMIT, DROP, LOOKUP, OPEN_WRITER, UNLOCK, UPDATE } from './scripts.ts'
import { reportUses, useName } from './uses.ts'
import { RedisWriter, refusalOf, UNCOMMITTED_TTL_MS } from './writer.ts'

/** Bytes in Redis for which nobody has said anything. */
export const DEFAULT_REDIS_BYTES = 256 * 1024 * 1024
export const DEFAULT_COMMAND_TIMEOUT_MS = 50
/** For each step of a purge: no request waits for it, and one that fails has Redis left alone at once. */
export const PURGE_PATIENCE_MS = 500
/** Most bodies that are being written at once: what they take is not in the account yet. */
export const MAX_REDIS_WRITERS = 64
/** Parts of the cache in a Cluster, each in one slot; one server needs no parts. */
export const CLUSTER_SHARDS = 8
/** Open writers of one key that are noted; more of them are notes of processes that have died. */
export const MAX_WRITERS_OF_KEY = 256

export interface RedisStoreOptions extends BoundsInput {
  readonly address: RedisAddress
  /** For each question, ms. */
  readonly commandTimeoutMs?: number
  /** A purge that Redis had not taken, or has lost since, is carried out: who keeps copies has to be told now. */
  readonly onLatePurge?: (selector: PurgeSelector) => void
  readonly onReach?: ((reach: Reach) => void) | undefined
  readonly now?: Clock
}

export class RedisStore implements CacheStore {
  readonly bounds: StoreBounds
  readonly shards: number
  readonly counters = new StoreCounters()
  readonly now: Clock
  readonly #guard: RedisGuard
  readonly #purgePatienceMs: number
  readonly #pending = new PendingPurges()
  readonly #recent = new RecentPurges()
  readonly #onLatePurge: (selector: PurgeSelector) => void
  readonly #removed = new WeakMap<PurgeSelector, number>()
  readonly #uses: UseNotes
  #writers = 0
  /** Which run of which server it was last. */
  #runId = ''

  constructor(options: RedisStoreOptions) {
    this.shards = options.address.mode === 'cluster' ? CLUSTER_SHARDS : 1
    const bounds = resolveBounds(options, DEFAULT_REDIS_BYTES)
    const shardBytes = Math.floor(bounds.maxBytes / this.shards)
    this.bounds = { ...bounds, maxObjectBytes: Math.min(bounds.maxObjectBytes, shardBytes) }
    this.now = options.now ?? Date.now
    this.#onLatePurge = options.onLatePurge ?? (() => {})
    this.#uses = new UseNotes(names => reportUses(question => this.ask(question), names, this.now()))
    const timeoutMs = options.commandTimeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS
    this.#purgePatienceMs = Math.max(timeoutMs, PURGE_PATIENCE_MS)
    this.#guard = new RedisGuard(connectRedis(options.address, 'hearthgate-cache'), {
      timeoutMs,
      beforeClosing: async () => {
        await this.#meetServer()
        return this.#replay()
      },
      isSettled: () => this.#pending.size === 0,
      onReach: options.onReach,
    })
    this.#guard.client.once('ready', () => void this.#meetServer())
  }

  get available(): boolean {
    return this.#guard.available
  }

  async lookup(key: string): Promise<VariantSet | null> {
    const { base, keyHash } = placeOf(key, this.shards)
    const answer = await this.ask(client => client.eval(LOOKUP, 1, `${base}lru`, base, keyHash) as Promise<string[]>)
    const set = answer.ok ? this.#decode(key, answer.value, base) : []
    if (set.length === 0) this.counters.misses++
    else this.counters.hits++
    return set.length === 0 ? null : set
  }

  async read(entry: StoredEntry, range?: ByteRange): Promise<Buffer | Readable | null> {
    if (this.#pending.names(entry)) return null
    this.touch(entry)
    if (entry.bodyLength === 0) return EMPTY_BODY
    const body = await readBody(this.#guard, entry as RedisEntry, range ?? { start: 0, end: entry.bodyLength - 1 })
    if (body === 'gone') this.forget(entry as RedisEntry)
    if (body === 'unanswered') this.counters.failures++
    return typeof body === 'string' ? null : body
  }

  touch(entry: StoredEntry): void {
    const { base, member } = entry as RedisEntry
    this.#uses.note(useName(base, member))
  }

  openWriter(key: string, variant: string, hints: WriteHints): RedisWriter {
    return new RedisWriter(this, key, variant, hints)
  }

  async updateHead(entry: StoredEntry, update: HeadUpdate): Promise<boolean> {
    const now = this.now()
    const check = checkMeta(entry.key, entry.variant, { ...entry, ...update }, now)
    if (!check.fits) return false
    const updated = { ...(entry as RedisEntry), ...update, expiresAtMs: check.expiresAtMs }
    const { base, member } = updated
    const values = [base, member, encodeRecord(updated), Math.trunc(now), Math.trunc(check.expiresAtMs)]
    const answer = await this.ask(client => client.eval(UPDATE, 1, `${base}lru`, ...values) as Promise<number>)
    return answer.ok && answer.value === 1
  }

  delete(key: string, variant?: string): Promise<PurgeOutcome> {
    return this.purge(variant === undefined ? { by: 'key', value: key } : { by: 'key', value: key, variant })
  }

  /** Asked before it returns, so that it names no writer that is opened after it. */
  async purge(selector: PurgeSelector): Promise<PurgeOutcome> {
    const mine = this.#pending.add({ ...selector })
    await this.#handOver(question => this.#guard.ask(question, this.#purgePatienceMs), mine)
    const complete = !this.#pending.has(mine)
    // The probe that ends the pause hands over what is waiting.
    if (!complete) this.#guard.leaveAlone()
    return { removed: this.#removed.get(mine) ?? 0, complete }
  }

  /** Another gateway has purged here: has to be done again should Redis come back with what it had before. */
  remember(selector: PurgeSelector): void {
    this.#recent.remember(selector, this.now())
  }

  async lock(key: string, ttlMs: number): Promise<StoreLock> {
    const { base, keyHash } = placeOf(key, this.shards)
    const name = `${base}lock:${keyHash}`
    const token = randomName()
    const answer = await this.ask(client => client.set(name, token, 'PX', Math.max(1, Math.trunc(ttlMs)), 'NX'))
    if (!answer.ok) return unguarded
    if (answer.value === null) return notAcquired
    return { acquired: true, release: () => void this.ask(client => client.eval(UNLOCK, 1, name, token)) }
  }

  async stats(): Promise<StoreStats> {
    let entries = 0
    let bytes = 0
    for (let shard = 0; shard < this.shards; shard++) {
      const base = shardBase(shard)
      const answer = await this.ask(client => Promise.all([client.zcard(`${base}lru`), client.get(`${base}bytes`)]))
      if (!answer.ok) continue
      entries += answer.value[0]
      bytes += Number(answer.value[1] ?? 0)
    }
    return this.counters.with({ kind: 'redis', entries, bytes, available: this.available })
  }

  async close(): Promise<void> {
    this.#uses.close()
    this.#guard.close()
  }

  /** Asks Redis and counts failures; never rejects. */
  async ask<T>(question: (client: RedisClient) => Promise<T>): Promise<Answer<T>> {
    const answer = await this.#guard.ask(question)
    if (!answer.ok) this.counters.failures++
    return answer
  }

  /** Makes a written body an entry, unless a purge has named it since its writer was opened. Null = done. */
  async enter(entry: RedisEntry, openedAt: number): Promise<StoreRefusal | null> {
    const answer = await this.ask(client => this.#commit(client, entry, openedAt))
    if (!answer.ok) return refusalOf(answer.why)
    const [outcome, evicted] = answer.value
    this.counters.evicted += evicted ?? 0
    if (outcome === 'stored') return null
    return outcome === 'purged' ? 'purged' : 'unavailable'
  }

  /** Takes an entry away whose body is not whole. Nobody waits for it. */
  forget(entry: RedisEntry): void {
    void this.ask(client => client.eval(DROP, 1, `${entry.base}lru`, entry.base, entry.member))
  }

  /** Notes a writer as open, so that purges of its key find it; the number of the newest purge in the log. */
  noteWriter(key: string, variant: string, generation: string): Promise<Answer<number>> {
    const { base, keyHash } = placeOf(key, this.shards)
    const values = [base, keyHash, hashName(variant), generation, MAX_WRITERS_OF_KEY, UNCOMMITTED_TTL_MS]
    return this.ask(client => client.eval(OPEN_WRITER, 1, `${base}lru`, ...values) as Promise<number>)
  }

  /** Takes the note and the chunks of a writer away. What cannot be taken away now goes by its TTL. */
  async discardWriter(key: string, generation: string, chunks: readonly string[]): Promise<void> {
    const { base, keyHash } = placeOf(key, this.shards)
    const note = this.ask(client => client.hdel(writersKey(base, keyHash), generation))
    if (chunks.length > 0) await this.ask(client => client.unlink(...chunks))
    await note
  }

  takeWriter(): boolean {
    if (this.#writers >= MAX_REDIS_WRITERS) return false
    this.#writers++
    return true
  }

  releaseWriter(): void {
    this.#writers--
  }

  #commit(client: RedisClient, entry: RedisEntry, known: number): Promise<[string, number?]> {
    const { base, member, expiresAtMs } = entry
    const times = [Math.trunc(this.now()), Math.trunc(expiresAtMs)]
    const limits = [Math.floor(this.bounds.maxBytes / this.shards), this.bounds.maxVariants]
    const facts = [base, member, encodeRecord(entry), encodePurgeFacts(entry)]
    const values = [...facts, ...times, ...limits, known, INDEX_TTL_MS]
    return client.eval(COMMIT, 1, `${base}lru`, ...values) as Promise<[string, number?]>
  }

  #decode(key: string, records: readonly string[], base: string): RedisEntry[] {
    const now = this.now()
    const isServed = (entry: RedisEntry | null): entry is RedisEntry =>
      entry !== null && entry.key === key && entry.expiresAtMs > now && !this.#pending.names(entry as Selectable)
    const set = records.map(record => decodeRecord(record, base)).filter(isServed)
    return set.sort((one, other) => other.storedAtMs - one.storedAtMs)
  }

  /** False = Redis has not taken it all. */
  async #handOver(ask: Ask, selector: PurgeSelector): Promise<boolean> {
    const removed = await purgeEverywhere(ask, selector, this.shards)
    if (removed === null) return false
    this.#removed.set(selector, removed)
    this.remember(selector)
    this.counters.purged += removed
    this.#pending.drop(selector)
    return true
  }

  /** A server that has begun anew may hold what was purged before it went, and so may one that does not say. */
  async #meetServer(): Promise<void> {
    // Who may not ask INFO gets an error, which is no reason to leave the server alone.
    const answer = await this.#guard.probeWith(client => client.info('server'))
    const runId = (answer.ok ? /^run_id:(\w+)/m.exec(answer.value)?.[1] : undefined) ?? ''
    if (runId === '' || runId !== this.#runId) {
      for (const selector of this.#recent.list(this.now())) this.#pending.add(selector)
    }
    this.#runId = runId
  }

  #replay(): Promise<boolean> {
    return this.#pending.replay(async selector => {
      const isTaken = await this.#handOver(question => this.#guard.probeWith(question), selector)
      if (isTaken) this.#onLatePurge(selector)
      return isTaken
    })
  }
}
