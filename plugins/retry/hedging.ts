/**
 * Second attempts of slow requests at one upstream: after how long, and whether they win often enough to go on with.
 */
import type { ExchangeRequest } from '../upstream/index.ts'
import { AUTO_HEDGE, type RetryPolicy } from './options.ts'
import { decideHedgeDelay } from './rules/hedge-delay.ts'
import { LatencyHistogram } from './rules/latency-histogram.ts'

/** Samples after which the delay is found anew. */
const DECIDE_EVERY = 50
/** Of so many races this share has to be won; else requests are slow for reasons of their own, and it rests. */
const JUDGED_RACES = 20
/** Of so many of them, the last ones, it counts how many requests they came from. */
const LAST_RACES = 10
const MIN_WINS = 0.25
const REST_MS = 120_000
/** A delay that was found to concern one request in twelve concerns more than this: times are others than they were. */
const STALE_SHARE = 0.25

export interface HedgedUpstream {
  originCount(): number
  /** Requests wait for a connection or a place. */
  isSaturated(): boolean
}

export class Hedging {
  #times = new LatencyHistogram()
  readonly #events: HedgedUpstream
  #mode: RetryPolicy['hedge']
  /** Set by hand, ms; null = as the mode says. */
  #pinnedMs: number | null = null
  #autoMs = 0
  #samples = 0
  /** Requests that might have been hedged, since the last races of a judgement began. */
  #asked = 0
  /** Since the last judgement: races that are over, those won by the second. */
  #raced = 0
  #won = 0
  #restUntilMs = 0

  constructor(mode: RetryPolicy['hedge'], events: HedgedUpstream) {
    this.#mode = mode
    this.#events = events
  }

  set mode(mode: RetryPolicy['hedge']) {
    this.#mode = mode
    this.#pinnedMs = null
  }

  /** As a tunable: 0 = off. */
  get delayMs(): number {
    return this.#pinnedMs ?? this.configuredMs
  }

  set delayMs(ms: number) {
    this.#pinnedMs = ms
  }

  get configuredMs(): number {
    return typeof this.#mode === 'number' ? this.#mode : this.isLearning ? this.#autoMs : 0
  }

  /** Whether times are worth keeping. */
  get isLearning(): boolean {
    return this.#mode === AUTO_HEDGE && this.#events.originCount() > 1
  }

  /** Delay for a request that begins now, 0 = none. */
  delayFor({ method }: ExchangeRequest): number {
    const { delayMs } = this
    if (delayMs === 0 || method !== 'GET' || performance.now() < this.#restUntilMs) return 0
    this.#asked++
    return delayMs
  }

  /** At the moment of the second attempt: not to an app that is busy, and not for what is slow by nature. */
  mayHedge(request: ExchangeRequest): boolean {
    return !this.#events.isSaturated() && !waitsForEvents(request.headers)
  }

  /** An answer's head took so long. */
  note(ms: number): void {
    this.#times.add(ms)
    if (++this.#samples % DECIDE_EVERY !== 0) return
    const decision = decideHedgeDelay(this.#times)
    this.#autoMs = decision.hedge ? decision.delayMs : 0
  }

  /** The first attempt was given up after so long: it would have taken about as long as other slow ones do. */
  noteGivenUp(ms: number): void {
    this.note(this.#times.meanAbove(ms))
  }

  /** The race of two is over. */
  decided(hedgeWon: boolean, nowMs: number): void {
    if (hedgeWon) this.#won++
    if (++this.#raced === JUDGED_RACES - LAST_RACES) this.#asked = 0
    if (this.#raced < JUDGED_RACES) return
    if (this.#won < this.#raced * MIN_WINS) this.#lost(nowMs)
    this.#raced = 0
    this.#won = 0
  }

  /** Too few were won: with a delay from other times (an app that was warming up, or idle) it is found anew. */
  #lost(nowMs: number): void {
    if (!this.isLearning || LAST_RACES <= this.#asked * STALE_SHARE) {
      this.#restUntilMs = nowMs + REST_MS
      return
    }
    this.#times = new LatencyHistogram()
    this.#samples = 0
    this.#autoMs = 0
  }
}

/** A client that asks for an event stream is patient. */
function waitsForEvents(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length !== 6 || name.toLowerCase() !== 'accept') continue
    if ((headers[i + 1] as string).includes('text/event-stream')) return true
  }
  return false
}
