/**
 * What is kept about an app's requests: signals, windows, recent requests, the running second. One object an app.
 */
import type { FastifyRequest } from 'fastify'
import type { Contract, ExchangeEntry, Exchanges, Signal, SignalValue } from '../contract/index.ts'
import { analyse, type RouteAnalysis } from './analysis/analysis.ts'
import { AnalysisHistory } from './analysis/history.ts'
import { ProcessSignals } from './exposition/process-signals.ts'
import { expose } from './exposition/prometheus.ts'
import { Live } from './live/live.ts'
import type { MetricsOptions } from './options.ts'
import { RecentRequests } from './recent/recent.ts'
import { NO_ROUTE, requestRecord } from './requests/record.ts'
import { declareRequestSignals, RouteMeters } from './requests/route-meters.ts'
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
  /** Brings the gauges of others up to date. */
  readonly beforeRead: () => void
  /** Route of a running request, null where none is known. */
  readonly routeOf: (request: FastifyRequest) => string | null
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

  constructor(parts: ObserverParts) {
    const { signals } = parts.contract
    this.#parts = parts
    this.#signals = declareRequestSignals(signals)
    this.#inFlight = signals.gauge('requests_in_flight', 'Requests that have begun and not ended.', 'route')
    this.#process = new ProcessSignals(signals)
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
    return all
  }

  close(): void {
    this.#process.close()
  }

  #bookOf(route: string): RouteBook {
    const known = this.#books.get(route)
    if (known !== undefined) return known
    if (this.#books.size >= MAX_ROUTES && route !== OTHER) return this.#bookOf(OTHER)
    const { intervalMs } = this.#parts.options
    const book = { meters: new RouteMeters(route, this.#signals), window: new Window(intervalMs) }
    this.#books.set(route, book)
    return book
  }

  #countInFlight(): void {
    for (const { point } of this.#inFlight.series()) point.set(0)
    this.#parts.exchanges.visit(({ request }) => {
      const route = this.#parts.routeOf(request) ?? NO_ROUTE
      this.#inFlight.with(route).add(1)
    })
  }
}
