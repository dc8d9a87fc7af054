/**
 * Load shedding at one set of origins: who is refused at once since the wait would be too long, who of those that wait is
 * refused after it, and for whom the queue has no room. Overload is known here, as it decides on how long anybody waits.
 */
import { overloaded, type ShedReason } from './errors.ts'
import type { Lane } from './lane.ts'
import type { LimitFinder } from './limit-finder.ts'
import type { LoadWatch } from './load-watch.ts'
import { calm, estimatedWaitMs, type OverloadState, retryAfterSeconds, stepOverload } from './rules/overload.ts'
import { patienceMs } from './rules/patience.ts'
import type { Slot } from './slot.ts'
import { tellWait } from './told.ts'
import type { WaitingRoom } from './waiting-room.ts'

export class LoadShedder {
  readonly #room: WaitingRoom
  readonly #load: LoadWatch
  readonly #finder: LimitFinder
  #overload: OverloadState = calm

  constructor(room: WaitingRoom, load: LoadWatch, finder: LimitFinder) {
    this.#room = room
    this.#load = load
    this.#finder = finder
  }

  /** More comes than the origins can answer: the newest goes first. */
  get isOverloaded(): boolean {
    return this.#overload.phase !== 'calm'
  }

  isNewestFirst({ queueOrder }: Lane): boolean {
    return queueOrder === 'newest_first' || (queueOrder === 'adaptive' && this.isOverloaded)
  }

  /** Told at once what it would be told after its whole wait. */
  refusalFor({ lane, rank, flowKey }: Slot): ShedReason | null {
    if (lane.queue === 0) return 'queue-full'
    const { throughput, leastWaiting } = this.#load
    // What ended while nobody waited tells what was asked for, not what the origins can do.
    if (throughput === 0 || leastWaiting === 0 || this.isNewestFirst(lane)) return null
    const waitMs = estimatedWaitMs(this.#room.aheadOf(rank, flowKey), throughput)
    return waitMs > lane.queueTimeoutMs && waitMs > this.#patience(lane, this.#room.isCrowd) ? 'deadline' : null
  }

  shed(slot: Slot, reason: ShedReason): void {
    slot.lane.count.shed(reason)
    this.#load.refusals++
    const { size } = this.#room
    tellWait(slot, reason, { waitMs: performance.now() - slot.queuedMs, limit: this.#finder.limit, waiting: size })
    slot.fail(overloaded(reason, retryAfterSeconds(Math.max(1, size), this.#load.throughput)))
  }

  /** Takes it out of those that wait; false when it did not. */
  takeOut(slot: Slot): boolean {
    if (!this.#room.remove(slot)) return false
    slot.lane.waiting--
    if (this.#room.size === 0) this.noteEmpty()
    return true
  }

  noteEmpty(): void {
    this.#load.noteEmpty()
    this.#finder.noteWaiting(false, performance.now())
  }

  /** Refuses those that have waited too long; often, while somebody waits. */
  shedLate(nowMs: number): void {
    const late: Slot[] = []
    const { isCrowd } = this.#room
    for (const slot of this.#room.items())
      if (nowMs - slot.queuedMs > this.#patience(slot.lane, isCrowd)) late.push(slot)
    for (const slot of late) {
      if (this.takeOut(slot)) this.shed(slot, this.#overload.phase === 'overloaded' ? 'overload' : 'queue-timeout')
    }
  }

  /** A shorter queue holds for those that already wait: the newest that find no room in it are refused. */
  shedBeyond(lane: Lane): void {
    const waiting = [...this.#room.items()].filter(slot => slot.lane === lane).sort((a, b) => a.queuedMs - b.queuedMs)
    for (const slot of waiting.slice(lane.queue)) if (this.takeOut(slot)) this.shed(slot, 'queue-full')
  }

  /** Four times a second, after the load has been looked at. */
  sweep(lanes: readonly Lane[], nowMs: number): void {
    const goalMs = Math.min(...lanes.map(({ options }) => options.waitGoalMs))
    const { last, before, throughput, leastWaiting } = this.#load
    const load = { nowMs, waiting: this.#room.size, leastWaiting, throughput, last, before, goalMs }
    this.#overload = stepOverload(this.#overload, load).state
  }

  #patience({ queueTimeoutMs, options }: Lane, isCrowd: boolean): number {
    return patienceMs({
      isCrowd,
      isOverloaded: this.#overload.phase === 'overloaded',
      configuredMs: options.queueTimeoutMs,
      tunedMs: queueTimeoutMs,
      goalMs: options.waitGoalMs,
    })
  }
}
