/**
 * Makes the window of each second out of what the journal tells and the signals show. Counts and samples only, bounded by
 * `MAX_SAMPLES`; nothing of a request's address is kept.
 */
import type { AttemptRecord, RequestRecord, Signals } from '../contract/index.ts'
import { type AttemptSample, type Goal, MAX_SAMPLES, type RequestSample, type TunerWindow } from './types.ts'
import {
  countClass,
  countTry,
  finishRoute,
  finishUpstream,
  newRoute,
  newUpstream,
  outcomeOf,
  type RouteCounts,
  type UpstreamCounts,
} from './window-counts.ts'

export interface Watched {
  /** Group of origins: what records and signals speak of. */
  readonly upstream: string
  /** What windows speak of: the same for all groups of one server. */
  readonly server: string
  readonly goal: Goal
}

/** To whom a record of a group counts. */
interface Group {
  readonly server: string
  readonly route: string
}

export class Collector {
  readonly #signals: Signals
  #watched: Readonly<Record<string, Watched>> = {}
  #groups = new Map<string, Group>()
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
    this.#groups = new Map()
    for (const [route, { upstream, server }] of Object.entries(routes)) {
      // Of several routes to one group an attempt does not tell its own: it counts for the first, or for its namesake.
      if (!this.#groups.has(upstream) || route === upstream) this.#groups.set(upstream, { server, route })
    }
    this.#clear()
  }

  #clear(): void {
    this.#attempts = []
    this.#requests = []
    this.#routes = new Map(Object.keys(this.#watched).map(id => [id, newRoute()]))
    this.#upstreams = new Map(Object.values(this.#watched).map(({ server }) => [server, newUpstream()]))
  }

  attempt(record: AttemptRecord): void {
    const group = this.#groups.get(record.upstream)
    const counts = this.#countsOf(record.upstream)
    const kind = outcomeOf(record)
    if (group === undefined || counts === undefined || kind === null || record.isLongHeld) return
    const { window } = counts
    window.attempts = (window.attempts ?? 0) + 1
    if (record.number === 1 && !record.isHedge) window.arrivals = (window.arrivals ?? 0) + 1
    const ms = record.headMs ?? record.ms
    if (kind === 'ok') window.ok = (window.ok ?? 0) + 1
    else if (kind === '5xx') window.err5xx = (window.err5xx ?? 0) + 1
    else if (kind === 'connect') window.connectErr = (window.connectErr ?? 0) + 1
    else window.timeouts = (window.timeouts ?? 0) + 1
    counts.crowding = Math.max(counts.crowding, record.inFlight)
    const route = this.#routes.get(group.route)
    if (kind === 'ok' && counts.latency.length < MAX_SAMPLES) {
      counts.latency.push(ms)
      route?.up.push(ms)
    }
    if (route !== undefined) countTry(route.window, record, kind)
    if (this.#attempts.length >= MAX_SAMPLES) return
    const { inFlight: inflight, number, isHedge: hedge, endedMs: t } = record
    this.#attempts.push({ t, route: group.route, upstream: group.server, ms, kind, inflight, try: number, hedge })
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
    if (ok && record.encodeMs > 0) countClass(counts.classes, record)
    if (this.#requests.length >= MAX_SAMPLES) return
    const { endedMs: t, route, clientClass: cls, outcome: kind, ms, queueMs, attempts: tries, bytesOut: bytes } = record
    this.#requests.push({ t, route, cls, ok, kind, ms, queueMs, tries, bytes })
  }

  /** Looks at the gauges; several times a window. */
  tick(): void {
    for (const counts of this.#upstreams.values()) {
      counts.ticks++
      counts.window.inflightNow = 0
      counts.window.queueNow = 0
    }
    this.#each('admission_in_flight', (counts, value) => {
      counts.inFlight += value
      counts.window.inflightNow = (counts.window.inflightNow ?? 0) + value
    })
    this.#each('admission_waiting', (counts, value) => {
      counts.waiting += value
      counts.window.queueNow = (counts.window.queueNow ?? 0) + value
    })
    for (const counts of this.#upstreams.values()) {
      const { queueNow = 0, queueMax = 0 } = counts.window
      counts.window.queueMax = Math.max(queueMax, queueNow)
      if (queueNow > 0) counts.limited++
    }
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

  #countsOf(upstream: string): UpstreamCounts | undefined {
    return this.#upstreams.get(this.#groups.get(upstream)?.server ?? '')
  }

  #each(name: string, read: (counts: UpstreamCounts, value: number, key: string) => void): void {
    for (const signal of this.#signals.numbers()) {
      if (signal.spec.name !== name) continue
      for (const { labels, point } of signal.series()) {
        const counts = this.#countsOf(labels[0] ?? '')
        if (counts !== undefined) read(counts, point.value, labels.join(' '))
      }
    }
  }
}
