/**
 * Requests of one rank that wait, in turn by client: one client with many requests does not hold up another with one.
 * A client that comes anew goes before those that have waited and been served already (as the flow queues of RFC 8290
 * §4.1); among the requests of one client, its connections take turns.
 */

/** What the queue knows of a waiting request. */
export interface Waiting {
  /** Route and client; requests with the same key take turns with those of other keys. */
  readonly flowKey: string
  /** What it came by: counts when it was served last. */
  readonly connection: ConnectionTurn
}

/** When a connection of a client was served last, as a running number; 0 = never. */
export interface ConnectionTurn {
  servedAt: number
}

interface Flow<T> {
  readonly key: string
  readonly waiting: T[]
  isFresh: boolean
}

interface Choice<T> {
  readonly mayRun: (item: T) => boolean
  readonly isNewestFirst: (item: T) => boolean
}

/** Clients that are remembered though nothing of them waits, until their turn has passed. */
export const MAX_FLOWS = 1024

export class FairQueue<T extends Waiting> {
  readonly #flows = new Map<string, Flow<T>>()
  /** Clients that have not been served since they came. */
  readonly #fresh: Flow<T>[] = []
  #served: Flow<T>[] = []
  #size = 0
  #turn = 0

  get size(): number {
    return this.#size
  }

  push(item: T): void {
    this.#size++
    const known = this.#flows.get(item.flowKey)
    if (known !== undefined) return void known.waiting.push(item)
    if (this.#flows.size >= MAX_FLOWS) this.#forgetIdle()
    const flow: Flow<T> = { key: item.flowKey, waiting: [item], isFresh: true }
    this.#flows.set(flow.key, flow)
    this.#fresh.push(flow)
  }

  /** Takes one out that no longer waits; false when it is not here. */
  remove(item: T): boolean {
    const flow = this.#flows.get(item.flowKey)
    const index = flow?.waiting.indexOf(item) ?? -1
    if (flow === undefined || index < 0) return false
    flow.waiting.splice(index, 1)
    this.#size--
    if (flow.isFresh && flow.waiting.length === 0) {
      this.#fresh.splice(this.#fresh.indexOf(flow), 1)
      this.#flows.delete(flow.key)
    }
    return true
  }

  /** The next whose turn it is, of those that may run; null where there is none. */
  take(mayRun: (item: T) => boolean, isNewestFirst: (item: T) => boolean): T | null {
    if (this.#size === 0) return null
    const newest = this.#fresh.at(-1)?.waiting[0]
    const isTurned = newest !== undefined && isNewestFirst(newest)
    const fresh = this.#takeFrom(this.#fresh, isTurned, { mayRun, isNewestFirst })
    if (fresh !== null) return fresh
    this.#forgetIdle()
    return this.#takeFrom(this.#served, false, { mayRun, isNewestFirst })
  }

  /** Requests that would go before a new one of this key. */
  aheadOf(flowKey: string): number {
    const mine = this.#flows.get(flowKey)?.waiting.length ?? 0
    if (mine === 0) return Math.min(this.#size, this.#fresh.length)
    return Math.min(this.#size, (mine + 1) * this.#flows.size)
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

  #takeFrom(flows: Flow<T>[], isLastFlowFirst: boolean, { mayRun, isNewestFirst }: Choice<T>): T | null {
    for (let n = 0; n < flows.length; n++) {
      const index = isLastFlowFirst ? flows.length - 1 - n : n
      const flow = flows[index] as Flow<T>
      const item = this.#pick(flow, isNewestFirst)
      if (item === null || !mayRun(item)) continue
      flow.waiting.splice(flow.waiting.indexOf(item), 1)
      this.#size--
      item.connection.servedAt = ++this.#turn
      flows.splice(index, 1)
      flow.isFresh = false
      this.#served.push(flow)
      return item
    }
    return null
  }

  /** Among the requests of one client: the newest, or the oldest of the connection that was served longest ago. */
  #pick({ waiting }: Flow<T>, isNewestFirst: (item: T) => boolean): T | null {
    let first = waiting.at(-1) ?? null
    if (first === null || isNewestFirst(first)) return first
    first = null
    for (const item of waiting) {
      if (first === null || item.connection.servedAt < first.connection.servedAt) first = item
    }
    return first
  }

  #forgetIdle(): void {
    this.#served = this.#served.filter(flow => flow.waiting.length > 0 || !this.#flows.delete(flow.key))
  }
}
