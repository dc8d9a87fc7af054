/**
 * Makes the window of each second out of what the journal tells and the signals show. Counts and samples only, bounded by
 * `MAX_SAMPLES`; nothing of a request's address is kept.
 */
import type { AttemptRecord, RequestRecord, Signals } from '../contract/index.ts'
import type { RequestSample, RouteWindow, TunerWindow, UpstreamWindow } from './types.ts'
import { type AttemptOutcome, type AttemptSample, type ClassWindow, type Goal, MAX_SAMPLES } from './types.ts'

type Mutable<T> = { -readonly [key in keyof T]: T[key] }
interface RouteCounts {
  window: Mutable<RouteWindow>
  classes: Record<string, Mutable<Required<ClassWindow>>>
  ttlb: number[]
  up: number[]
}
interface UpstreamCounts {
  window: Mutable<UpstreamWindow>
  latency: number[]
  crowding: number
  ticks: number
  inFlight: number
  waiting: number
  limited: number
}

export interface Watched {
  readonly upstream: string
  readonly goal: Goal
}

export class Collector {
  readonly #signals: Signals
  #watched: Readonly<Record<string, Watched>> = {}
  #routes = new Map<string, RouteCounts>()
  #upstreams = new Map<string, UpstreamCounts>()
  #attempts: AttemptSample[] = []
  #requests: RequestSample[] = []
  readonly #shedBefore = new Map<string, number>()

  constructor(signals: Signals) {
    this.#signals = signals
  }

  watch(routes: Readonly<Record<string, Watched>>): void {
    this.#watched = routes
    this.#clear()
  }

  #clear(): void {
    this.#attempts = []
    this.#requests = []
    this.#routes = new Map(Object.keys(this.#watched).map(id => [id, newRoute()]))
    this.#upstreams = new Map(Object.values(this.#watched).map(({ upstream }) => [upstream, newUpstream()]))
  }

  attempt(record: AttemptRecord): void {
    const counts = this.#upstreams.get(record.upstream)
    const kind = outcomeOf(record)
    if (counts === undefined || kind === null || record.isLongHeld) return
    const { window } = counts
    window.attempts = (window.attempts ?? 0) + 1
    if (record.number === 1 && !record.isHedge) window.arrivals = (window.arrivals ?? 0) + 1
    const ms = record.headMs ?? record.ms
    if (kind === 'ok') window.ok = (window.ok ?? 0) + 1
    else if (kind === '5xx') window.err5xx = (window.err5xx ?? 0) + 1
    else if (kind === 'connect') window.connectErr = (window.connectErr ?? 0) + 1
    else window.timeouts = (window.timeouts ?? 0) + 1
    counts.crowding = Math.max(counts.crowding, record.inFlight)
    const route = this.#routes.get(record.upstream)
    if (kind === 'ok' && counts.latency.length < MAX_SAMPLES) {
      counts.latency.push(ms)
      route?.up.push(ms)
    }
    if (route !== undefined) countTry(route.window, record, kind)
    if (this.#attempts.length >= MAX_SAMPLES) return
    const { upstream, inFlight: inflight, number, isHedge: hedge, endedMs: t } = record
    this.#attempts.push({ t, route: upstream, upstream, ms, kind, inflight, try: number, hedge })
  }

  request(record: RequestRecord): void {
    const counts = this.#routes.get(record.route)
    const watched = this.#watched[record.route]
    if (counts === undefined || watched === undefined || record.isLongHeld || record.status === 499) return
    const { window } = counts
    const ok = record.status < 500 && record.outcome === 'ok'
    const shed = record.status === 503 && record.outcome !== 'ok'
    window.arrivals = (window.arrivals ?? 0) + 1
    if (ok) window.ok = (window.ok ?? 0) + 1
    else window.fail = (window.fail ?? 0) + 1
    if (shed) window.shed = (window.shed ?? 0) + 1
    const { goodMs, badMs } = watched.goal
    // To the first byte: how long a body takes is the client's link and the body's size.
    const worth = Math.min(1, Math.max(0, (badMs - (record.firstByteMs ?? record.ms)) / (badMs - goodMs)))
    window.utility = (window.utility ?? 0) + (ok ? worth : 0)
    if (ok && counts.ttlb.length < MAX_SAMPLES) counts.ttlb.push(record.ms)
    if (ok) countClass(counts.classes, record)
    if (this.#requests.length >= MAX_SAMPLES) return
    const { endedMs: t, route, clientClass: cls, outcome: kind, ms, queueMs, attempts: tries, bytesOut: bytes } = record
    this.#requests.push({ t, route, cls, ok, kind, ms, queueMs, tries, bytes })
  }

  /** Looks at the gauges; several times a window. */
  tick(): void {
    for (const counts of this.#upstreams.values()) counts.ticks++
    this.#each('admission_in_flight', (counts, value) => {
      counts.inFlight += value
      counts.window.inflightNow = value
    })
    this.#each('admission_waiting', (counts, value) => {
      counts.waiting += value
      counts.window.queueNow = value
      counts.window.queueMax = Math.max(counts.window.queueMax ?? 0, value)
      if (value > 0) counts.limited++
    })
  }

  take(facts: { t: number; cpuUtil: number; knobs: unknown }): TunerWindow {
    this.#each('admission_shed_total', (counts, value, key) => {
      const before = this.#shedBefore.get(key) ?? value
      this.#shedBefore.set(key, value)
      counts.window.shed = (counts.window.shed ?? 0) + Math.max(0, value - before)
    })
    this.#each('admission_found_at_first', (counts, value) => {
      if (value > 0) counts.window.foundAtFirst = value
    })
    this.#each('admission_alone_at_first_seconds', (counts, value) => {
      if (counts.window.foundAtFirst !== undefined) counts.window.aloneAtFirstMs = 1000 * value
    })
    const upstreams = Object.fromEntries(Array.from(this.#upstreams, ([id, counts]) => [id, finishUpstream(counts)]))
    const routes = Object.fromEntries(Array.from(this.#routes, ([id, counts]) => [id, finishRoute(counts)]))
    const window = {
      t: facts.t,
      windowMs: 1000,
      gateway: { cpuUtil: facts.cpuUtil },
      upstreams,
      routes,
      attempts: this.#attempts,
      requests: this.#requests,
      knobs: facts.knobs,
    }
    this.#clear()
    return window
  }

  #each(name: string, read: (counts: UpstreamCounts, value: number, key: string) => void): void {
    for (const signal of this.#signals.numbers()) {
      if (signal.spec.name !== name) continue
      for (const { labels, point } of signal.series()) {
        const counts = this.#upstreams.get(labels[0] ?? '')
        if (counts !== undefined) read(counts, point.value, labels.join(' '))
      }
    }
  }
}

const newRoute = (): RouteCounts => ({ window: {}, classes: {}, ttlb: [], up: [] })
const newUpstream = (): UpstreamCounts => ({
  window: {},
  latency: [],
  crowding: 0,
  ticks: 0,
  inFlight: 0,
  waiting: 0,
  limited: 0,
})

/** Null = it says nothing of the upstream. */
function outcomeOf({ kind }: AttemptRecord): AttemptOutcome | null {
  if (kind === 'aborted') return null
  return kind === 'reset' ? '5xx' : kind
}

function countTry(window: Mutable<RouteWindow>, { number, isHedge }: AttemptRecord, kind: AttemptOutcome): void {
  if (isHedge) {
    window.hedges = (window.hedges ?? 0) + 1
    if (kind === 'ok') window.hedgeWins = (window.hedgeWins ?? 0) + 1
  } else if (number > 1) {
    window.retries = (window.retries ?? 0) + 1
    if (kind === 'ok') window.retryOk = (window.retryOk ?? 0) + 1
  }
}

function countClass(classes: RouteCounts['classes'], record: RequestRecord): void {
  const { clientClass, bytesRaw, bytesOut, ms, firstByteMs, encodeMs } = record
  classes[clientClass] ??= { n: 0, raw: 0, bytesOut: 0, transferMs: 0, ttlb: 0, cpuMs: 0, cpuWork: 0 }
  const sums = classes[clientClass]
  sums.n++
  sums.raw += bytesRaw
  sums.bytesOut += bytesOut
  sums.transferMs += Math.max(0, ms - (firstByteMs ?? ms))
  sums.ttlb += ms
  sums.cpuMs += encodeMs
  sums.cpuWork += encodeMs
}

function finishUpstream({
  window,
  latency,
  crowding,
  ticks,
  inFlight,
  waiting,
  limited,
}: UpstreamCounts): UpstreamWindow {
  const sorted = latency.toSorted((a, b) => a - b)
  const share = Math.max(1, ticks)
  return {
    ...window,
    inflightAvg: inFlight === 0 ? crowding / 2 : inFlight / share,
    inflightMax: crowding,
    queueAvg: waiting / share,
    limitedFrac: limited / share,
    latP50: at(sorted, 0.5),
    latP90: at(sorted, 0.9),
    latP95: at(sorted, 0.95),
    latMin: sorted[0] ?? 0,
    latMean: sorted.reduce((sum, ms) => sum + ms, 0) / Math.max(1, sorted.length),
  }
}

function finishRoute({ window, classes, ttlb, up }: RouteCounts): RouteWindow {
  const sorted = ttlb.toSorted((a, b) => a - b)
  const attempts = up.toSorted((a, b) => a - b)
  return {
    ...window,
    byClass: classes,
    ttlbP50: at(sorted, 0.5),
    ttlbP95: at(sorted, 0.95),
    upP50: at(attempts, 0.5),
    upP95: at(attempts, 0.95),
    upP99: at(attempts, 0.99),
  }
}

function at(sorted: readonly number[], quantile: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] ?? 0
}
