/**
 * Everybody who waits at one limiter: a fair queue for each rank, the most urgent first. One turn in eight goes to the rank
 * of whoever has waited longest, so that nobody waits for ever behind others.
 */
import { Clients } from './clients.ts'
import { FairQueue } from './fair-queue.ts'
import { MOST_WITHOUT_A_CROWD } from './rules/patience.ts'
import { RANKS } from './rules/rank.ts'
import type { Slot } from './slot.ts'

const TURNS_FOR_THE_OLDEST = 8

export class WaitingRoom {
  readonly clients = new Clients()
  readonly #queues = new Array<FairQueue<Slot> | null>(RANKS).fill(null)
  #size = 0
  #taken = 0

  get size(): number {
    return this.#size
  }

  /** More connections wait than those of two or three people. */
  get isCrowd(): boolean {
    if (this.#size <= MOST_WITHOUT_A_CROWD) return false
    const connections = new Set<Slot['connection']>()
    for (const { connection } of this.items()) {
      connections.add(connection)
      if (connections.size > MOST_WITHOUT_A_CROWD) return true
    }
    return false
  }

  add(slot: Slot): void {
    const queue = this.#queues[slot.rank] ?? new FairQueue<Slot>(this.clients)
    this.#queues[slot.rank] = queue
    queue.push(slot)
    this.#size++
  }

  remove(slot: Slot): boolean {
    const wasHere = this.#queues[slot.rank]?.remove(slot) ?? false
    if (wasHere) this.#size--
    return wasHere
  }

  take(mayRun: (slot: Slot) => boolean, isNewestFirst: (slot: Slot) => boolean): Slot | null {
    if (this.#size === 0) return null
    const isTurnOfTheOldest = ++this.#taken % TURNS_FOR_THE_OLDEST === 0
    if (isTurnOfTheOldest) {
      const slot = this.#takeFrom(this.#queueOfTheOldest(), mayRun, isNewestFirst)
      if (slot !== null) return slot
    }
    for (const queue of this.#queues) {
      const slot = this.#takeFrom(queue, mayRun, isNewestFirst)
      if (slot !== null) return slot
    }
    return null
  }

  #takeFrom(
    queue: FairQueue<Slot> | null,
    mayRun: (slot: Slot) => boolean,
    isNewestFirst: (slot: Slot) => boolean,
  ): Slot | null {
    const slot = queue?.take(mayRun, isNewestFirst) ?? null
    if (slot !== null) this.#size--
    return slot
  }

  #queueOfTheOldest(): FairQueue<Slot> | null {
    let oldest: FairQueue<Slot> | null = null
    for (const queue of this.#queues)
      if (queue !== null && queue.oldestMs < (oldest?.oldestMs ?? Number.POSITIVE_INFINITY)) oldest = queue
    return oldest
  }

  /** Requests that would go before a new one. */
  aheadOf(rank: number, flowKey: string): number {
    let ahead = 0
    for (let urgent = 0; urgent < rank; urgent++) ahead += this.#queues[urgent]?.size ?? 0
    return ahead + (this.#queues[rank]?.aheadOf(flowKey) ?? 0)
  }

  *items(): Iterable<Slot> {
    for (const queue of this.#queues) if (queue !== null) yield* queue.items()
  }

  /**
   * Who makes room for a newcomer when the queue of its group is full: of the least urgent that wait, the client with the
   * most requests. Null when this would be the newcomer itself.
   */
  displacedBy(newcomer: Slot): Slot | null {
    for (let rank = RANKS - 1; rank >= newcomer.rank; rank--) {
      const longest = this.#queues[rank]?.oldestOfLongest(({ lane }) => lane === newcomer.lane) ?? null
      if (longest === null) continue
      if (rank > newcomer.rank) return longest.item
      const isOwn = longest.item.flowKey === newcomer.flowKey
      return !isOwn && longest.length > 1 ? longest.item : null
    }
    return null
  }
}
