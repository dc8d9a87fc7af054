/**
 * Keeps the answers of one app within the rates that were set: for each client of a route, for a route, and for the line to
 * the outside that all share. An answer that is ahead of its rate is paused; one timer for all lets them go on.
 */
import type { PriorityClass } from '../rules/rank.ts'
import { ClassTurns } from './class-turns.ts'
import { TokenBucket } from './token-bucket.ts'

/** Bytes per second; null = no limit. */
export interface Rates {
  readonly perClient: number | null
  readonly perRoute: number | null
  /** The line to the outside, for clients who are there. */
  readonly uplink: number | null
}

/** What an answer is counted under. */
export interface PacedBy {
  readonly route: string
  readonly client: string
  readonly priority: PriorityClass
}

/** Somebody who sends an answer and can be told to wait. */
export interface Sender {
  goOn(): void
}

/** How often those that were paused are looked at, while there are any. */
const TICK_MS = 20
/** Counted in advance for each that goes on: about what it sends before it is counted again. */
const QUANTUM_BYTES = 16_384
/** Clients that are remembered; the ones that were not heard of longest go first. */
const MAX_CLIENTS = 4096

export class Pacing {
  readonly #clients = new Map<string, TokenBucket>()
  readonly #routes = new Map<string, TokenBucket>()
  readonly #turns = new ClassTurns()
  #uplink: TokenBucket | null = null
  #waiting: PacedAnswer[] = []
  #timer: NodeJS.Timeout | null = null

  get waiting(): number {
    return this.#waiting.length
  }

  /** Null where nothing limits the answer. */
  paceFor({ route, client, priority }: PacedBy, { perClient, perRoute, uplink }: Rates): PacedAnswer | null {
    if (perClient === null && perRoute === null && uplink === null) return null
    const now = performance.now()
    const buckets: TokenBucket[] = []
    if (perClient !== null) buckets.push(this.#clientBucket(`${route}\n${client}`, perClient, now))
    if (perRoute !== null) buckets.push(bucketIn(this.#routes, route, perRoute, now))
    if (uplink !== null) buckets.push(this.#uplinkBucket(uplink, now))
    return new PacedAnswer(this, buckets, priority)
  }

  /** Their number is bounded by the configuration: a new one begins anew. */
  forgetRoutes(): void {
    this.#routes.clear()
  }

  wait(answer: PacedAnswer): void {
    this.#waiting.push(answer)
    this.#timer ??= setInterval(() => this.#tick(performance.now()), TICK_MS).unref()
  }

  leave(answer: PacedAnswer): void {
    const index = this.#waiting.indexOf(answer)
    if (index >= 0) this.#waiting.splice(index, 1)
  }

  took(priority: PriorityClass, bytes: number): void {
    this.#turns.took(priority, bytes)
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    for (const answer of this.#waiting.splice(0)) answer.goOn()
  }

  /** One after the other, so that each that goes on counts before the next is looked at. */
  #tick(nowMs: number): void {
    const may = (answer: PacedAnswer): boolean => answer.isOpen(nowMs)
    for (;;) {
      const priority = this.#turns.next(name => this.#waiting.some(each => each.priority === name && may(each)))
      if (priority === null) break
      const index = this.#waiting.findIndex(each => each.priority === priority && may(each))
      const [answer] = this.#waiting.splice(index, 1)
      answer?.reserve(QUANTUM_BYTES)
      answer?.goOn()
    }
    if (this.#waiting.length > 0 || this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
  }

  #clientBucket(key: string, bytesPerSecond: number, nowMs: number): TokenBucket {
    const bucket = bucketIn(this.#clients, key, bytesPerSecond, nowMs)
    // The last that was asked for stands at the end.
    this.#clients.delete(key)
    this.#clients.set(key, bucket)
    if (this.#clients.size > MAX_CLIENTS) this.#clients.delete(this.#clients.keys().next().value as string)
    return bucket
  }

  #uplinkBucket(bytesPerSecond: number, nowMs: number): TokenBucket {
    this.#uplink ??= new TokenBucket(bytesPerSecond, nowMs)
    if (this.#uplink.bytesPerSecond !== bytesPerSecond) this.#uplink.setRate(bytesPerSecond)
    return this.#uplink
  }
}

function bucketIn(buckets: Map<string, TokenBucket>, key: string, bytesPerSecond: number, nowMs: number): TokenBucket {
  const known = buckets.get(key)
  if (known === undefined) {
    const bucket = new TokenBucket(bytesPerSecond, nowMs)
    buckets.set(key, bucket)
    return bucket
  }
  if (known.bytesPerSecond !== bytesPerSecond) known.setRate(bytesPerSecond)
  return known
}

/** One answer within its rates. */
export class PacedAnswer {
  readonly priority: PriorityClass
  readonly #pacing: Pacing
  readonly #buckets: readonly TokenBucket[]
  #sender: Sender | null = null
  #reserved = 0

  constructor(pacing: Pacing, buckets: readonly TokenBucket[], priority: PriorityClass) {
    this.#pacing = pacing
    this.#buckets = buckets
    this.priority = priority
  }

  /** So many bytes of it have come; false = `sender` is to wait until it is told to go on. */
  take(bytes: number, sender: Sender): boolean {
    const unreserved = bytes - this.#reserved
    this.#reserved = 0
    for (const bucket of this.#buckets) bucket.take(unreserved)
    this.#pacing.took(this.priority, bytes)
    if (this.isOpen(performance.now())) return true
    if (this.#sender === null) this.#pacing.wait(this)
    this.#sender = sender
    return false
  }

  /** It is over, in whatever way. */
  end(): void {
    if (this.#sender !== null) this.#pacing.leave(this)
    this.#sender = null
    for (const bucket of this.#buckets) bucket.take(-this.#reserved)
    this.#reserved = 0
  }

  isOpen(nowMs: number): boolean {
    for (const bucket of this.#buckets) if (bucket.level(nowMs) <= 0) return false
    return true
  }

  reserve(bytes: number): void {
    for (const bucket of this.#buckets) bucket.take(bytes)
    this.#reserved = bytes
  }

  goOn(): void {
    const sender = this.#sender
    this.#sender = null
    sender?.goOn()
  }
}
