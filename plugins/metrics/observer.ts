/**
 * What is kept about an app's requests: signals, windows, recent requests, the running second. One object an app.
 */
import type { FastifyRequest } from 'fastify'
import {
  type Contract,
  type ExchangeEntry,
  type Exchanges,
  notesOf,
  type Signal,
  type SignalValue,
} from '../contract/index.ts'
import { analyse, type RouteAnalysis } from './analysis/analysis.ts'
import { AnalysisHistory } from './analysis/history.ts'
import { ProcessSignals } from './exposition/process-signals.ts'
import { expose } from './exposition/prometheus.ts'
import type { HourBook } from './hours/cell.ts'
import { HourKeeper } from './hours/keeper.ts'
import { Live } from './live/live.ts'
import type { MetricsOptions } from './options.ts'
import { RecentRequests } from './recent/recent.ts'
import { NO_ROUTE, requestRecord } from './requests/record.ts'
import { declareRequestSignals, RouteMeters } from './requests/route-meters.ts'
import type { RedisSink } from './sink/redis-sink.ts'
import type { Tally } from './window/tally.ts'
import { Window } from './window/window.ts'

/** Most routes that are told apart; requests of further ones are counted as `other`. */
export const MAX_ROUTES = 1024
const OTHER = 'other'

interface RouteBook {
  readonly meters: RouteMeters
  readonly window: Window
}

export interface ObserverParts {
  readonly contract: Contract
  readonly exchanges: Exchanges
  readonly options: MetricsOptions
  /** Null = nothing is written to Redis. */
  readonly sink: RedisSink | null
  /** Brings the gauges of others up to date. */
  readonly beforeRead: () => void
  /** Route of a running request, null where none is known. */
  readonly routeOf: (request: FastifyRequest) => string | null
  /** Totals since the start that are kept by the hour as well. */
  readonly totals: () => Readonly<Record<string, number>>
  readonly warn: (problem: string) => void
}

/** `app.metrics`. */
export class Observer {
  readonly recent = new RecentRequests()
  readonly live: Live
  readonly history = new AnalysisHistory()
  readonly #parts: ObserverParts
  readonly #process: ProcessSignals
  readonly #signals
  readonly #inFlight: Signal<SignalValue>
  readonly #books = new Map<string, RouteBook>()
  readonly #hours: HourKeeper

  constructor(parts: ObserverParts) {
    const { signals } = parts.contract
    this.#parts = parts
    this.#signals = declareRequestSignals(signals)
    this.#inFlight = signals.gauge('requests_in_flight', 'Requests that have begun and not ended.', 'route')
    this.#process = new ProcessSignals(signals)
    const { stateDir: folder, stateFile: file } = parts.options
    const running = () => this.#running()
    this.#hours = new HourKeeper({ folder, file, running, totals: parts.totals, warn: parts.warn }, Date.now())
    this.live = new Live({
      inFlight: () => parts.exchanges.running,
      loopDelayMs: () => this.#process.loopDelay.p99Ms,
    })
  }

  /** A request is over: counts it and tells the journal. */
  ended(entry: ExchangeEntry, noted: object): void {
    const record = requestRecord(entry, performance.now())
    const book = this.#bookOf(record.route)
    book.meters.record(record)
    book.window.record(record)
    this.live.record(record)
    this.recent.add(entry, noted, Date.now())
    this.#parts.sink?.addRequest({ atMs: Date.now(), entry, record, notes: notesOf(noted) })
    const { requests } = this.#parts.contract.journal
    if (requests.isHeard) requests.tell(record)
  }

  /** Every signal as Prometheus text. */
  text(): Promise<string> {
    this.#parts.beforeRead()
    this.#process.sample()
    this.#countInFlight()
    return expose(this.#parts.contract.signals)
  }

  /** What the last `intervalMs` say about each route that had requests since the start; kept nowhere. */
  analyse(): RouteAnalysis[] {
    const { intervalMs, minSamples } = this.#parts.options
    const nowMs = performance.now()
    return Array.from(this.#books, ([route, { window }]) => {
      const tally = window.sum(nowMs)
      const before = this.history.last(route)
      return analyse({ route, tally, before, windowMs: intervalMs, atMs: Date.now(), minSamples })
    })
  }

  /** The analysis that comes every interval: told of routes that had requests, and kept. */
  analyseAndKeep(): readonly RouteAnalysis[] {
    const all = this.analyse().filter(({ count }) => count > 0)
    for (const analysis of all) this.history.add(analysis)
    this.#parts.sink?.addAnalyses(all)
    this.#hours.tick(Date.now())
    return all
  }

  /** The hours of the last seven days that end after `fromMs` (since 1970), the running one included. */
  hours(fromMs: number): HourBook {
    const nowMs = performance.now()
    for (const { window } of this.#books.values()) window.advance(nowMs)
    return this.#hours.book(fromMs, Date.now())
  }

  close(): void {
    this.#hours.close(Date.now())
    this.#process.close()
  }

  #bookOf(route: string): RouteBook {
    const known = this.#books.get(route)
    if (known !== undefined) return known
    if (this.#books.size >= MAX_ROUTES && route !== OTHER) return this.#bookOf(OTHER)
    const { intervalMs } = this.#parts.options
    const window = new Window(intervalMs, (span, beganMs) => this.#hours.add(route, span, wallClock(beganMs)))
    const book = { meters: new RouteMeters(route, this.#signals), window }
    this.#books.set(route, book)
    return book
  }

  *#running(): Generator<readonly [string, Tally]> {
    for (const [route, { window }] of this.#books) if (window.running !== null) yield [route, window.running]
  }

  #countInFlight(): void {
    for (const { point } of this.#inFlight.series()) point.set(0)
    this.#parts.exchanges.visit(({ request }) => {
      const route = this.#parts.routeOf(request) ?? NO_ROUTE
      this.#inFlight.with(route).add(1)
    })
  }
}

/** A time of `performance.now()` in ms since 1970, as far as the clock was not set since. */
const wallClock = (ms: number): number => Date.now() - (performance.now() - ms)
