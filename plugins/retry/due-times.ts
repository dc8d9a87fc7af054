/**
 * One coarse clock for everything short that a request may wait for (a held head, a hedge, the rest of a given-up
 * answer), so that no request needs a timer of its own.
 */
import { Bag, type BagMember } from '../contract/index.ts'
import { HOLD_MS } from './rules/hold-head.ts'

const TICK_MS = 10
/** Ticks without anything due after which the clock stops. */
const IDLE_TICKS = 100

/** A head is held for two ticks: between half of `HOLD_MS` and all of it. */
export const HOLD_TICKS = HOLD_MS / TICK_MS

/** Ticks after which at least this time has passed. */
export function ticksAtLeast(ms: number): number {
  return Math.ceil(ms / TICK_MS) + 1
}

export interface Due extends BagMember {
  dueTick: number
  onDue(): void
}

export class DueTimes {
  readonly #waiting = new Bag<Due>()
  #timer: NodeJS.Timeout | null = null
  #tick = 0
  #idleTicks = 0

  /** Calls `onDue` once, at the tick with this number from now, unless it is deleted before. */
  add(due: Due, ticks: number): void {
    due.dueTick = this.#tick + ticks
    this.#waiting.add(due)
    if (this.#timer === null) this.#timer = setInterval(() => this.#onTick(), TICK_MS).unref()
  }

  delete(due: Due): void {
    this.#waiting.delete(due)
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  #onTick(): void {
    this.#tick++
    if (this.#waiting.size > 0) {
      this.#idleTicks = 0
      this.#waiting.visit(this.#look)
    } else if (++this.#idleTicks > IDLE_TICKS) this.close()
  }

  readonly #look = (due: Due): void => {
    if (due.dueTick > this.#tick) return
    this.#waiting.delete(due)
    due.onDue()
  }
}
