/**
 * What is counted of one route and of one upstream while a window is open, and the numbers that it closes with.
 */
import type { AttemptRecord, RequestRecord } from '../contract/index.ts'
import type { AttemptOutcome, ClassWindow, RouteWindow, UpstreamWindow } from './types.ts'

type Mutable<T> = { -readonly [key in keyof T]: T[key] }
export interface RouteCounts {
  window: Mutable<RouteWindow>
  classes: Record<string, Mutable<Required<ClassWindow>>>
  ttlb: number[]
  up: number[]
}
export interface UpstreamCounts {
  window: Mutable<UpstreamWindow>
  latency: number[]
  crowding: number
  ticks: number
  inFlight: number
  waiting: number
  limited: number
}

export const newRoute = (): RouteCounts => ({ window: {}, classes: {}, ttlb: [], up: [] })
export const newUpstream = (): UpstreamCounts => ({
  window: {},
  latency: [],
  crowding: 0,
  ticks: 0,
  inFlight: 0,
  waiting: 0,
  limited: 0,
})

/** Null = it says nothing of the upstream. */
export function outcomeOf({ kind }: AttemptRecord): AttemptOutcome | null {
  if (kind === 'aborted') return null
  return kind === 'reset' ? '5xx' : kind
}

export function countTry(window: Mutable<RouteWindow>, { number, isHedge }: AttemptRecord, kind: AttemptOutcome): void {
  if (isHedge) {
    window.hedges = (window.hedges ?? 0) + 1
    if (kind === 'ok') window.hedgeWins = (window.hedgeWins ?? 0) + 1
  } else if (number > 1) {
    window.retries = (window.retries ?? 0) + 1
    if (kind === 'ok') window.retryOk = (window.retryOk ?? 0) + 1
  }
}

export function countClass(classes: RouteCounts['classes'], record: RequestRecord): void {
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

export function finishUpstream({
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

export function finishRoute({ window, classes, ttlb, up }: RouteCounts): RouteWindow {
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
