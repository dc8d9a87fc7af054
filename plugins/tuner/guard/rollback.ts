/**
 * The last resort: when what clients get out of an upstream falls well below what it was under comparable load, and knobs
 * were moved in between, all of them go back to where they last stood for a good minute.
 */
import { amount, rounded } from '../model/numbers.ts'
import type { UpstreamMemory } from '../model/upstream-memory.ts'
import type { KnobValue, TunerWindow } from '../types.ts'
import type { Book, Knob } from './book.ts'

const MINUTE = 60
const WORSE = 0.05
/** And by so much at least: where hardly anything is gained, a twentieth of it is chance. */
const LEAST_LOSS = 0.02
/** More failures than that are the upstream's doing: no knob of ours makes answers fail. */
const MORE_FAILING = 0.02
/** Windows between two looks. */
const EVERY = 10
const HOLD = 300
const HOUR = 3600
/**
 * More within an hour, and nothing moves for an hour. Not back to where it began: that was never measured under this load,
 * and where chance had led to the rollbacks it cost 2 % (the world s1).
 */
const MOST_ROLLBACKS = 3
const LEAST_ARRIVALS = 100
/** Kinds of load that are told apart, by mean and peak; the oldest is forgotten. */
const MOST_LOADS = 24

/**
 * What is kept of a second: arrivals, what they take alone (as many thumbnails are more load than as many pages), what was
 * gained of what weight, attempts and how many of them failed.
 */
const FIELDS = 6

/** Where a knob stood. */
interface Place {
  readonly knob: Knob
  readonly value: KnobValue
}

interface Good {
  readonly utility: number
  /** Share of the attempts that failed. */
  readonly failing: number
  readonly knobs: readonly Place[]
  readonly changes: number
}

export class Rollback {
  readonly #upstream: UpstreamMemory
  readonly #book: Book
  /** A ring of `FIELDS` numbers a second, one behind the other: all of it is read again and again. */
  readonly #seconds = new Float64Array(MINUTE * FIELDS)
  #count = 0
  #oldest = 0
  readonly #good = new Map<string, Good>()
  readonly #rolledBackAt: number[] = []
  #holdUntil = 0
  #suspicion = 0
  /** What the minute after it holds is still of the drowned. */
  #drainingUntil = 0

  readonly #turn: number

  /** `place`: which of the upstreams this is, so that not all are looked at in the same window. */
  constructor(upstream: UpstreamMemory, book: Book, place: number) {
    this.#upstream = upstream
    this.#book = book
    this.#turn = place % EVERY
  }

  /** The upstream's knobs stay where they are. */
  get isHolding(): boolean {
    return this.#book.now < this.#holdUntil
  }

  /** `isDraining`: the upstream has drowned, and fewer are let in until it answers again. */
  observe(window: TunerWindow, isDraining = false): void {
    this.#remember(window)
    if (isDraining) this.#drainingUntil = this.#book.now + MINUTE
    if (this.#book.now < this.#drainingUntil) return
    if (this.#book.now % EVERY !== this.#turn || this.#count < MINUTE) return
    this.#look()
  }

  #look(): void {
    const seconds = this.#seconds
    let arrivals = 0
    let gained = 0
    let weight = 0
    let work = 0
    let peak = 0
    let attempts = 0
    let failed = 0
    for (let at = 0; at < seconds.length; at += FIELDS) {
      const workNow = seconds[at + 1] as number
      arrivals += seconds[at] as number
      work += workNow
      peak = Math.max(peak, workNow)
      gained += seconds[at + 2] as number
      weight += seconds[at + 3] as number
      attempts += seconds[at + 4] as number
      failed += seconds[at + 5] as number
    }
    if (arrivals < LEAST_ARRIVALS || weight === 0) return
    const load = `${Math.round(Math.log(1 + work) / Math.log(1.3))} ${Math.round(Math.log2(1 + peak))}`
    this.#judge(load, gained / weight, failed / Math.max(1, attempts))
  }

  #judge(load: string, utility: number, failing: number): void {
    const good = this.#good.get(load)
    const lastChange = this.#last()?.entry.seq ?? 0
    const isMoved = good !== undefined && lastChange > good.changes
    const bar = good === undefined ? 0 : Math.min(good.utility * (1 - WORSE), good.utility - LEAST_LOSS)
    if (good === undefined || utility >= bar) {
      this.#suspicion = 0
      if (this.#isSettled()) this.#keep(load, { utility, failing }, good)
      return
    }
    if (!isMoved || this.isHolding || failing > good.failing + MORE_FAILING) return
    this.#suspicion++
    if (this.#suspicion < 2) return
    this.#suspicion = 0
    this.#goBack(good, utility)
  }

  #goBack(good: Good, utility: number): void {
    const { now } = this.#book
    this.#holdUntil = now + HOLD
    while (this.#rolledBackAt.length > 0 && (this.#rolledBackAt[0] as number) < now - HOUR) this.#rolledBackAt.shift()
    this.#rolledBackAt.push(now)
    const isTooOften = this.#rolledBackAt.length > MOST_ROLLBACKS
    if (isTooOften) this.#holdUntil = now + HOUR
    const why = `clients got ${rounded(utility)} of what they could over the last minute, ${rounded(good.utility)} before under the same load`
    for (const { knob: slot, value } of good.knobs) {
      const { scope, target, knob } = slot
      this.#book.change({
        scope,
        target,
        knob,
        to: value,
        protects: true,
        verdict: 'rolled back',
        hypothesis: isTooOften ? `${why}, too often within an hour: nothing moves for an hour` : why,
        evidence: { utility: rounded(utility), before: rounded(good.utility), rollbacks: this.#rolledBackAt.length },
        expected: 'as it was',
      })
    }
  }

  /** All knobs of the upstream and its routes go back to the last known good of the load that was seen last. */
  force(): void {
    const last = [...this.#good.values()].at(-1)
    if (last !== undefined) this.#goBack(last, last.utility)
  }

  #remember({ routes }: TunerWindow): void {
    let arrivals = 0
    let work = 0
    let gained = 0
    let weight = 0
    for (const { id, weight: worth, baselineMs } of this.#upstream.routes) {
      const window = routes?.[id]
      const ended = amount(window?.ok) + amount(window?.fail)
      const came = amount(window?.arrivals)
      arrivals += came
      work += came * (baselineMs || 1)
      gained += worth * amount(window?.utility)
      weight += worth * ended
    }
    const { attempts, failed } = this.#upstream.now
    const seconds = this.#seconds
    const at = this.#oldest * FIELDS
    seconds[at] = arrivals
    seconds[at + 1] = work
    seconds[at + 2] = gained
    seconds[at + 3] = weight
    seconds[at + 4] = attempts
    seconds[at + 5] = failed
    this.#oldest = (this.#oldest + 1) % MINUTE
    this.#count = Math.min(MINUTE, this.#count + 1)
  }

  #keep(load: string, now: { utility: number; failing: number }, before: Good | undefined): void {
    this.#good.delete(load)
    const utility = before === undefined ? now.utility : 0.5 * (now.utility + before.utility)
    this.#good.set(load, {
      utility,
      failing: now.failing,
      knobs: this.#own(),
      changes: this.#last()?.entry.seq ?? 0,
    })
    if (this.#good.size <= MOST_LOADS) return
    const oldest = this.#good.keys().next().value
    if (oldest !== undefined) this.#good.delete(oldest)
  }

  #own(): Place[] {
    const places: Place[] = []
    for (const knob of this.#book.of('upstream', this.#upstream.id)) places.push({ knob, value: knob.value })
    for (const { id } of this.#upstream.routes)
      for (const knob of this.#book.of('route', id)) places.push({ knob, value: knob.value })
    return places
  }

  /** The last entry about the upstream or one of its routes. */
  #last(): ReturnType<Book['lastEntry']> {
    let last = this.#book.lastEntry('upstream', this.#upstream.id)
    for (const { id } of this.#upstream.routes) {
      const own = this.#book.lastEntry('route', id)
      if (own !== null && (last === null || own.entry.seq > last.entry.seq)) last = own
    }
    return last
  }

  /** No step is under way, none was taken within the minute that was judged. */
  #isSettled(): boolean {
    const last = this.#last()
    // Counted in windows: clocks are put right, and what somebody calls the time of a window need not be milliseconds.
    return last === null || (last.entry.verdict !== 'pending' && last.at < this.#book.now - MINUTE)
  }
}
