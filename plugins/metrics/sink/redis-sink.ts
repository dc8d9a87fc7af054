/**
 * Hands requests and analyses to lists in Redis, in batches and beside the requests: what a slow or absent server does not
 * take in time is dropped and counted. Nobody ever waits for it.
 */
import { createRequire } from 'node:module'
import type { ChainableCommander, Redis } from 'ioredis'
import type { ExchangeEntry, Signal, Signals, SignalValue } from '../../contract/index.ts'
import type { RouteAnalysis } from '../analysis/analysis.ts'
import {
  ANALYSIS_KEY,
  algorithmOf,
  compressionEntry,
  compressionKey,
  LENGTHS,
  type PendingRequest,
  REQUESTS_KEY,
  requestEntry,
} from './entries.ts'

/** Requests that may wait; further ones are dropped. */
export const MAX_WAITING = 5_000
/** Analyses that may wait. */
const MAX_WAITING_ANALYSES = 500
/** Requests of one pipeline: few enough that writing them as JSON holds nobody up. */
const BATCH = 100
const FLUSH_MS = 250
/** After a failure the server is left alone for so long. */
const REST_MS = 1_000
const COMMAND_TIMEOUT_MS = 1_000
const CONNECT_TIMEOUT_MS = 2_000
const LONGEST_RECONNECT_MS = 5_000
/** A list that nobody writes any more goes after so long. */
const TTL_SECONDS = 7 * 86_400
/** Time at the end for what still waits. */
const CLOSE_MS = 500

export interface SinkParts {
  readonly url: string
  readonly signals: Signals
  readonly urlOf: (entry: ExchangeEntry) => string
}

export class RedisSink {
  readonly #redis: Redis
  readonly #urlOf: SinkParts['urlOf']
  readonly #written: SignalValue
  readonly #dropped: Signal<SignalValue>
  readonly #waiting: SignalValue
  readonly #timer: NodeJS.Timeout
  #requests: PendingRequest[] = []
  #analyses: RouteAnalysis[] = []
  #isWriting = false
  #restUntilMs = 0

  constructor({ url, signals, urlOf }: SinkParts) {
    this.#urlOf = urlOf
    this.#written = signals.counter('redis_sink_written_total', 'Entries that were written to lists in Redis.').with()
    this.#dropped = signals.counter('redis_sink_dropped_total', 'Entries that Redis did not take in time.', 'reason')
    this.#waiting = signals.gauge('redis_sink_waiting', 'Requests that wait to be written to Redis.').with()
    this.#redis = connect(url)
    // An error is told by the count of what was dropped.
    this.#redis.on('error', () => {})
    this.#timer = setInterval(() => this.#begin(), FLUSH_MS).unref()
  }

  addRequest(request: PendingRequest): void {
    if (this.#requests.length >= MAX_WAITING) this.#drop('full', 1)
    else this.#requests.push(request)
  }

  addAnalyses(analyses: readonly RouteAnalysis[]): void {
    const room = Math.max(0, MAX_WAITING_ANALYSES - this.#analyses.length)
    this.#analyses.push(...analyses.slice(0, room))
    this.#drop('full', Math.max(0, analyses.length - room))
  }

  /** Writes what waits, for a moment at most. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    const tooLateMs = performance.now() + CLOSE_MS
    while (this.#hasWork && this.#isReady && performance.now() < tooLateMs) await this.#writeBatch()
    this.#redis.disconnect()
  }

  get #hasWork(): boolean {
    return this.#requests.length > 0 || this.#analyses.length > 0
  }

  get #isReady(): boolean {
    return this.#redis.status === 'ready' && performance.now() >= this.#restUntilMs
  }

  #begin(): void {
    this.#waiting.set(this.#requests.length)
    if (!this.#isWriting && this.#isReady && this.#hasWork) void this.#drain()
  }

  /** One pipeline after the other: the next begins in a turn of its own. */
  async #drain(): Promise<void> {
    this.#isWriting = true
    while (this.#hasWork && this.#isReady) {
      await this.#writeBatch()
      await new Promise(setImmediate)
    }
    this.#isWriting = false
  }

  async #writeBatch(): Promise<void> {
    const requests = this.#requests.splice(0, BATCH)
    const analyses = this.#analyses.splice(0, BATCH)
    const pipeline = this.#redis.pipeline()
    const entries = this.#push(pipeline, requests, analyses)
    try {
      const answers = await pipeline.exec()
      // A server without memory refuses commands one by one.
      const isRefused = answers === null || answers.some(([error]) => error !== null)
      if (isRefused) this.#fail('refused', entries)
      else this.#written.add(entries)
    } catch {
      this.#fail('failed', entries)
    }
  }

  /** Returns the number of entries. */
  #push(pipeline: ChainableCommander, requests: PendingRequest[], analyses: RouteAnalysis[]): number {
    const lists = new Map<string, { readonly length: number; readonly entries: string[] }>()
    const add = (key: string, length: number, entry: string): void => {
      const list = lists.get(key) ?? { length, entries: [] }
      list.entries.push(entry)
      lists.set(key, list)
    }
    for (const request of requests) {
      add(REQUESTS_KEY, LENGTHS.requests, requestEntry(request, this.#urlOf))
      const algorithm = request.record.encodeMs > 0 ? algorithmOf(request.record.encoding) : null
      if (algorithm === null) continue
      add(compressionKey(algorithm), LENGTHS.compression, compressionEntry(request, algorithm))
    }
    for (const analysis of analyses) {
      add(ANALYSIS_KEY, LENGTHS.analysis, JSON.stringify({ timestamp: analysis.atMs / 1000, ...analysis }))
    }
    let count = 0
    for (const [key, { length, entries }] of lists) {
      pipeline
        .lpush(key, ...entries)
        .ltrim(key, 0, length - 1)
        .expire(key, TTL_SECONDS)
      count += entries.length
    }
    return count
  }

  #fail(reason: 'refused' | 'failed', entries: number): void {
    this.#drop(reason, entries)
    this.#restUntilMs = performance.now() + REST_MS
  }

  #drop(reason: 'full' | 'refused' | 'failed', entries: number): void {
    if (entries > 0) this.#dropped.with(reason).add(entries)
  }
}

/** Fails at once instead of queueing, and never sends anything twice. */
function connect(url: string): Redis {
  // Loaded here: a gateway without Redis starts without its client.
  const { Redis } = createRequire(import.meta.url)('ioredis') as typeof import('ioredis')
  return new Redis(url, {
    connectionName: 'hearthgate-metrics',
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    socketTimeout: 2 * COMMAND_TIMEOUT_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: times => Math.min(100 * 2 ** Math.min(times, 10), LONGEST_RECONNECT_MS),
  })
}
