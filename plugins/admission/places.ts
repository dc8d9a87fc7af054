/**
 * The places at one set of origins, and who may take the next: as many as the limit says, three quarters of them for a
 * kind of requests that shares the origins with somebody more urgent or with another route.
 */
import type { Lane } from './lane.ts'
import { RANKS } from './rules/rank.ts'
import { ACTIVE_MS, sharedPlaces } from './rules/shares.ts'
import { type Slot, UNRANKED } from './slot.ts'

export class Places {
  inFlight = 0
  #limit = 1
  #shared = 1
  readonly #rankSeenMs = new Float64Array(RANKS).fill(Number.NEGATIVE_INFINITY)
  readonly #inFlightOfRank = new Int32Array(RANKS)
  /** The most urgent rank that was lately seen: all others leave a share of the places to it. */
  #mostUrgent = RANKS

  set limit(limit: number) {
    this.#limit = limit
    this.#shared = sharedPlaces(limit)
  }

  get isFull(): boolean {
    return this.inFlight >= this.#limit
  }

  /** A place is free whoever asks: it need not be looked at who that is. */
  get isFreeForAll(): boolean {
    return this.inFlight < this.#shared
  }

  mayTake({ lane, rank }: Slot): boolean {
    if (this.isFull || (lane.isShared && lane.inFlight >= this.#shared)) return false
    return rank <= this.#mostUrgent || this.inFlight - this.#urgentInFlight() < this.#shared
  }

  take({ lane, rank }: Slot): void {
    lane.inFlight++
    this.inFlight++
    if (rank !== UNRANKED) this.#inFlightOfRank[rank] = (this.#inFlightOfRank[rank] as number) + 1
  }

  giveBack({ lane, rank }: Slot): void {
    lane.inFlight--
    this.inFlight--
    if (rank !== UNRANKED) this.#inFlightOfRank[rank] = (this.#inFlightOfRank[rank] as number) - 1
  }

  /** Somebody of this kind uses the origins. */
  see({ lane, rank }: Slot, nowMs: number): void {
    this.#rankSeenMs[rank] = nowMs
    lane.seenMs = nowMs
    if (rank < this.#mostUrgent) this.#mostUrgent = rank
  }

  /** Forgets those who have not been here for a while; by the sweep. */
  findSharers(lanes: readonly Lane[], nowMs: number): void {
    const mostUrgent = this.#rankSeenMs.findIndex(seenMs => nowMs - seenMs < ACTIVE_MS)
    this.#mostUrgent = mostUrgent < 0 ? RANKS : mostUrgent
    const active = lanes.filter(lane => nowMs - lane.seenMs < ACTIVE_MS)
    for (const lane of lanes) lane.isShared = active.some(other => other !== lane)
  }

  #urgentInFlight(): number {
    let urgent = 0
    for (let rank = 0; rank <= this.#mostUrgent && rank < RANKS; rank++) urgent += this.#inFlightOfRank[rank] as number
    return urgent
  }
}
