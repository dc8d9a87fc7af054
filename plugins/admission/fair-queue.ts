/**
 * Requests of one rank that wait, in turn by client: one client with many requests does not hold up another with one.
 * Clients that look go before those that fetch (rules/pace.ts); one turn in four is for who has waited longest, so that
 * nobody waits for ever. Among the requests of one client, its connections take turns by the same rule: several people may be
 * behind one address, and one turn in four of it is for the request that has waited longest.
 */
import type { Clients, Connection } from './clients.ts'
import { PACE_LEVELS, paceLevel } from './rules/pace.ts'

/** What the queue knows of a waiting request. */
export interface Waiting {
  /** Route and client; requests with the same key take turns with those of other keys. */
  readonly flowKey: string
  readonly connection: Connection
  /** When it began to wait. */
  readonly queuedMs: number
}

/** The requests of one client. */
interface Flow<T> {
  readonly key: string
  /** The oldest first. */
  readonly waiting: T[]
  level: number
  /** Served while others of it waited. */
  served: number
}

interface Choice<T> {
  readonly mayRun: (item: T) => boolean
  readonly isNewestFirst: (item: T) => boolean
}

const TURNS_FOR_THE_OLDEST = 4

export class FairQueue<T extends Waiting> {
  readonly #clients: Clients
  readonly #flows = new Map<string, Flow<T>>()
  /** The flows of each level, in turn. */
  readonly #turns: readonly Flow<T>[][] = Array.from({ length: PACE_LEVELS }, () => [])
  #size = 0
  #served = 0

  constructor(clients: Clients) {
    this.#clients = clients
  }

  get size(): number {
    return this.#size
  }

  push(item: T): void {
    this.#size++
    const known = this.#flows.get(item.flowKey)
    if (known !== undefined) return this.#pushTo(known, item)
    const flow: Flow<T> = { key: item.flowKey, waiting: [item], level: 0, served: 0 }
    this.#flows.set(flow.key, flow)
    this.#enlist(flow, false)
  }

  /** Who looks again is no longer kept waiting for what was fetched. */
  #pushTo(flow: Flow<T>, item: T): void {
    flow.waiting.push(item)
    if (this.#clients.levelOf(flow.key) >= flow.level) return
    this.#delist(flow)
    this.#enlist(flow, false)
  }

  /** Takes one out that no longer waits; false when it is not here. */
  remove(item: T): boolean {
    const flow = this.#flows.get(item.flowKey)
    const index = flow?.waiting.indexOf(item) ?? -1
    if (flow === undefined || index < 0) return false
    this.#takeOut(flow, index)
    if (flow.waiting.length === 0) this.#delist(flow)
    return true
  }

  /** The next whose turn it is, of those that may run; null where there is none. */
  take(mayRun: (item: T) => boolean, isNewestFirst: (item: T) => boolean): T | null {
    if (this.#size === 0) return null
    const choice = { mayRun, isNewestFirst }
    if ((this.#served + 1) % TURNS_FOR_THE_OLDEST === 0) {
      const item = this.#takeFrom(this.#turns[this.#levelOfOldest()] as Flow<T>[], choice)
      if (item !== null) return item
    }
    for (const flows of this.#turns) {
      const item = this.#takeFrom(flows, choice)
      if (item !== null) return item
    }
    return null
  }

  /** Requests that would go before a new one of this key. */
  aheadOf(flowKey: string): number {
    const own = (this.#flows.get(flowKey)?.waiting.length ?? 0) + 1
    const level = this.#clients.levelOf(flowKey)
    let ahead = 0
    for (let each = 0; each <= level; each++) ahead += (this.#turns[each] as Flow<T>[]).length
    return Math.min(this.#size, ahead * own)
  }

  /** When the one that has waited longest began to; Infinity where nobody waits. */
  get oldestMs(): number {
    let oldestMs = Number.POSITIVE_INFINITY
    for (const { waiting } of this.#flows.values()) oldestMs = Math.min(oldestMs, (waiting[0] as T).queuedMs)
    return oldestMs
  }

  *items(): Iterable<T> {
    for (const flow of this.#flows.values()) yield* flow.waiting
  }

  /** The oldest request of the client with the most of them that satisfy `isMeant`. */
  oldestOfLongest(isMeant: (item: T) => boolean): { readonly item: T; readonly length: number } | null {
    let longest: { item: T; length: number } | null = null
    for (const { waiting } of this.#flows.values()) {
      const meant = waiting.filter(isMeant)
      const item = meant[0]
      if (item !== undefined && meant.length > (longest?.length ?? 0)) longest = { item, length: meant.length }
    }
    return longest
  }

  #takeFrom(flows: Flow<T>[], { mayRun, isNewestFirst }: Choice<T>): T | null {
    const newest = flows.at(-1)?.waiting[0]
    const isTurned = newest !== undefined && isNewestFirst(newest)
    for (let n = 0; n < flows.length; n++) {
      const flow = flows[isTurned ? flows.length - 1 - n : n] as Flow<T>
      const item = this.#pick(flow, isNewestFirst)
      if (!mayRun(item)) continue
      this.#takeOut(flow, flow.waiting.indexOf(item))
      item.connection.servedAt = ++this.#served
      flow.served++
      this.#delist(flow)
      // The others of its level come first, from whichever end they are taken.
      if (flow.waiting.length > 0) this.#enlist(flow, isTurned)
      return item
    }
    return null
  }

  #levelOfOldest(): number {
    let oldest = 0
    let queuedMs = Number.POSITIVE_INFINITY
    for (const [level, flows] of this.#turns.entries()) {
      const first = flows[0]?.waiting[0]
      if (first === undefined || first.queuedMs >= queuedMs) continue
      queuedMs = first.queuedMs
      oldest = level
    }
    return oldest
  }

  #enlist(flow: Flow<T>, isAtFront: boolean): void {
    this.#flows.set(flow.key, flow)
    flow.level = this.#clients.levelOf(flow.key)
    const turns = this.#turns[flow.level] as Flow<T>[]
    if (isAtFront) turns.unshift(flow)
    else turns.push(flow)
  }

  #delist(flow: Flow<T>): void {
    const turns = this.#turns[flow.level] as Flow<T>[]
    turns.splice(turns.indexOf(flow), 1)
    this.#flows.delete(flow.key)
  }

  #takeOut(flow: Flow<T>, index: number): void {
    flow.waiting.splice(index, 1)
    this.#size--
  }

  /** Among the requests of one client: the newest, or the oldest of the connection whose turn it is. */
  #pick({ waiting, served }: Flow<T>, isNewestFirst: (item: T) => boolean): T {
    const newest = waiting.at(-1) as T
    if (isNewestFirst(newest)) return newest
    let first = waiting[0] as T
    if ((served + 1) % TURNS_FOR_THE_OLDEST === 0) return first
    for (const item of waiting) if (goesBefore(item.connection, first.connection)) first = item
    return first
  }
}

function goesBefore(one: Connection, other: Connection): boolean {
  const difference = paceLevel(one.pace) - paceLevel(other.pace)
  return difference === 0 ? one.servedAt < other.servedAt : difference < 0
}
