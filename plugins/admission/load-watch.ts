/**
 * Counts what comes and what ends in quarters of a second, for the last two seconds: whether a queue is a burst or an
 * overload, and how long it takes to be served. The least that waited in that time tells a queue that stands from bursts
 * that come one after the other, as the controlled delay of RFC 8289 does.
 */
import type { SecondOfLoad } from './rules/overload.ts'

/** Quarters that are kept. */
const QUARTERS = 8
const QUARTER_MS = 250

export class LoadWatch {
  arrivals = 0
  ends = 0
  refusals = 0
  readonly #arrivals = new Array<number>(QUARTERS).fill(0)
  readonly #ends = new Array<number>(QUARTERS).fill(0)
  readonly #refusals = new Array<number>(QUARTERS).fill(0)
  readonly #least = new Array<number>(QUARTERS).fill(0)
  #leastNow = 0
  #quarter = 0
  #known = 0

  /** Called every 250 ms, with the number of requests that wait. */
  tick(waiting: number): void {
    this.#least[this.#quarter] = Math.min(this.#leastNow, waiting)
    this.#leastNow = waiting
    this.#arrivals[this.#quarter] = this.arrivals
    this.#ends[this.#quarter] = this.ends
    this.#refusals[this.#quarter] = this.refusals
    this.arrivals = 0
    this.ends = 0
    this.refusals = 0
    this.#quarter = (this.#quarter + 1) % QUARTERS
    if (this.#known < QUARTERS) this.#known++
  }

  /** Nobody waits any more. */
  noteEmpty(): void {
    this.#leastNow = 0
  }

  /** Fewest requests that waited at any moment of the two seconds. */
  get leastWaiting(): number {
    return Math.min(...this.#least)
  }

  get last(): SecondOfLoad {
    return this.#secondFrom(4)
  }

  get before(): SecondOfLoad {
    return this.#secondFrom(0)
  }

  /** Ends a second; 0 = not known. */
  get throughput(): number {
    const known = this.#known * QUARTER_MS
    return known === 0 ? 0 : ((this.last.ends + this.before.ends) / known) * 1000
  }

  #secondFrom(from: number): SecondOfLoad {
    return {
      arrivals: this.#sum(this.#arrivals, from),
      ends: this.#sum(this.#ends, from),
      refusals: this.#sum(this.#refusals, from),
    }
  }

  /** Of the four quarters that begin at `from`, where the oldest is 0. */
  #sum(counts: readonly number[], from: number): number {
    let sum = 0
    for (let i = from; i < from + 4; i++) sum += counts[(this.#quarter + i) % QUARTERS] as number
    return sum
  }
}
