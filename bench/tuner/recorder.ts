/**
 * Makes the window of each second out of what happened, and the score of the whole run.
 */
import {
  type AttemptOutcome,
  type AttemptSample,
  MAX_SAMPLES,
  type RequestSample,
  type TunerWindow,
} from '../../plugins/tuner/types.ts'
import type { AdmissionModel } from './admission-model.ts'
import type { RouteWorld, World } from './world.ts'

interface AttemptDone {
  readonly ms: number
  readonly kind: AttemptOutcome
  readonly inflight: number
  readonly number: number
  readonly isHedge: boolean
}

interface RequestDone {
  readonly ok: boolean
  readonly kind: string
  readonly ms: number
  readonly queueMs: number
  readonly tries: number
  readonly bytes: number
  readonly cls: string
  readonly utility: number
  readonly arrivedMs: number
}

interface Sent {
  readonly raw: number
  readonly bytes: number
  readonly transferMs: number
  readonly wallMs: number
  readonly workMs: number
  readonly ttlb: number
}

const newClass = () => ({ n: 0, raw: 0, bytesOut: 0, transferMs: 0, ttlb: 0, cpuMs: 0, cpuWork: 0 })
const newRoute = () => ({
  arrivals: 0,
  ok: 0,
  fail: 0,
  shed: 0,
  retries: 0,
  retryOk: 0,
  hedges: 0,
  hedgeWins: 0,
  utility: 0,
  ttlb: [] as number[],
  up: [] as number[],
  queue: [] as number[],
  byClass: {} as Record<string, ReturnType<typeof newClass>>,
})
const newUpstream = () => ({
  arrivals: 0,
  attempts: 0,
  ok: 0,
  err5xx: 0,
  connectErr: 0,
  timeouts: 0,
  shed: 0,
  latency: [] as number[],
  ticks: 0,
  inflightSum: 0,
  inflightMax: 0,
  queueSum: 0,
  queueMax: 0,
  limitedTicks: 0,
})

export class Recorder {
  readonly #world: World
  #routes: Record<string, ReturnType<typeof newRoute>> = {}
  #upstreams: Record<string, ReturnType<typeof newUpstream>> = {}
  #attempts: AttemptSample[] = []
  #requests: RequestSample[] = []
  now: () => number = () => 0
  /** Utility times weight, and weight, by minute of arrival. */
  readonly minutes: { gained: number; weight: number }[] = []
  attempts = 0
  requests = 0

  constructor(world: World) {
    this.#world = world
    this.#clear()
  }

  #clear(): void {
    this.#routes = Object.fromEntries(this.#world.routes.map(({ id }) => [id, newRoute()]))
    this.#upstreams = Object.fromEntries(this.#world.upstreams.map(({ id }) => [id, newUpstream()]))
    this.#attempts = []
    this.#requests = []
  }

  arrived(route: RouteWorld): void {
    this.requests++
    const counts = this.#routes[route.id]
    const upstream = this.#upstreams[route.upstream]
    if (counts) counts.arrivals++
    if (upstream) upstream.arrivals++
  }

  attemptStarted(route: RouteWorld, isRetry: boolean, isHedge: boolean): void {
    this.attempts++
    const counts = this.#routes[route.id]
    const upstream = this.#upstreams[route.upstream]
    if (upstream) upstream.attempts++
    if (counts && isRetry) counts.retries++
    if (counts && isHedge) counts.hedges++
  }

  attemptEnded(route: RouteWorld, { ms, kind, inflight, number, isHedge }: AttemptDone): void {
    const counts = this.#routes[route.id] as ReturnType<typeof newRoute>
    const upstream = this.#upstreams[route.upstream] as ReturnType<typeof newUpstream>
    if (kind === 'ok') {
      upstream.ok++
      upstream.latency.push(ms)
      counts.up.push(ms)
      if (number > 1 && !isHedge) counts.retryOk++
      if (isHedge) counts.hedgeWins++
    } else if (kind === '5xx') upstream.err5xx++
    else if (kind === 'connect') upstream.connectErr++
    else upstream.timeouts++
    if (this.#attempts.length < MAX_SAMPLES) {
      const sample = {
        t: this.now(),
        route: route.id,
        upstream: route.upstream,
        ms,
        kind,
        inflight,
        try: number,
        hedge: isHedge,
      }
      this.#attempts.push(sample)
    }
  }

  sent(route: RouteWorld, cls: string, { raw, bytes, transferMs, wallMs, workMs, ttlb }: Sent): void {
    const byClass = (this.#routes[route.id] as ReturnType<typeof newRoute>).byClass
    byClass[cls] ??= newClass()
    const sums = byClass[cls]
    sums.n++
    sums.raw += raw
    sums.bytesOut += bytes
    sums.transferMs += transferMs
    sums.ttlb += ttlb
    sums.cpuMs += wallMs
    sums.cpuWork += workMs
  }

  requestEnded(route: RouteWorld, done: RequestDone): void {
    const counts = this.#routes[route.id] as ReturnType<typeof newRoute>
    const { ok, kind, ms, queueMs, tries, bytes, cls, utility, arrivedMs } = done
    if (ok) counts.ok++
    else counts.fail++
    if (kind === 'shed') {
      counts.shed++
      ;(this.#upstreams[route.upstream] as ReturnType<typeof newUpstream>).shed++
    }
    if (ok) counts.ttlb.push(ms)
    counts.queue.push(queueMs)
    counts.utility += utility
    const minute = Math.floor(arrivedMs / 60_000)
    this.minutes[minute] ??= { gained: 0, weight: 0 }
    const score = this.minutes[minute]
    const weight = route.weight ?? 1
    score.gained += weight * utility
    score.weight += weight
    if (this.#requests.length < MAX_SAMPLES) {
      this.#requests.push({ t: this.now(), route: route.id, cls, ok, kind, ms, queueMs, tries, bytes })
    }
  }

  /** Called several times a second. */
  tick(admissions: Readonly<Record<string, AdmissionModel>>): void {
    for (const [id, { running, queued }] of Object.entries(admissions)) {
      const counts = this.#upstreams[id] as ReturnType<typeof newUpstream>
      counts.ticks++
      counts.inflightSum += running
      counts.inflightMax = Math.max(counts.inflightMax, running)
      counts.queueSum += queued
      counts.queueMax = Math.max(counts.queueMax, queued)
      if (queued > 0) counts.limitedTicks++
    }
  }

  takeWindow(facts: {
    cpuUtil: number
    admissions: Readonly<Record<string, AdmissionModel>>
    knobs: unknown
  }): TunerWindow {
    const upstreams = Object.entries(this.#upstreams).map(([id, counts]) => {
      const { latency, ticks, inflightSum, queueSum, limitedTicks, ...same } = counts
      const admission = facts.admissions[id]
      return [
        id,
        {
          ...same,
          inflightAvg: inflightSum / Math.max(1, ticks),
          inflightNow: admission?.running ?? 0,
          queueAvg: queueSum / Math.max(1, ticks),
          queueNow: admission?.queued ?? 0,
          limitedFrac: limitedTicks / Math.max(1, ticks),
          latP50: quantile(latency, 0.5),
          latP90: quantile(latency, 0.9),
          latP95: quantile(latency, 0.95),
          latMin: latency.length === 0 ? 0 : Math.min(...latency),
          latMean: mean(latency),
        },
      ]
    })
    const routes = Object.entries(this.#routes).map(([id, counts]) => {
      const { ttlb, up, queue, ...same } = counts
      const classes = Object.values(counts.byClass)
      const sum = (pick: (c: ReturnType<typeof newClass>) => number) => classes.reduce((total, c) => total + pick(c), 0)
      return [
        id,
        {
          ...same,
          ttlbMean: mean(ttlb),
          ttlbP50: quantile(ttlb, 0.5),
          ttlbP95: quantile(ttlb, 0.95),
          upP50: quantile(up, 0.5),
          upP95: quantile(up, 0.95),
          upP99: quantile(up, 0.99),
          queueP95: quantile(queue, 0.95),
          bytesRaw: sum(c => c.raw),
          bytesOut: sum(c => c.bytesOut),
          compressMs: sum(c => c.cpuMs),
          compressCount: sum(c => c.n),
        },
      ]
    })
    const window = {
      t: this.now(),
      windowMs: 1000,
      gateway: { cpuUtil: facts.cpuUtil },
      upstreams: Object.fromEntries(upstreams),
      routes: Object.fromEntries(routes),
      attempts: this.#attempts,
      requests: this.#requests,
      knobs: facts.knobs,
    }
    this.#clear()
    return window
  }
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length
}

function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) return 0
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] as number
}
