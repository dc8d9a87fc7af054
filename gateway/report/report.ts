/**
 * What a span of time brought, route by route: what was slow, what failed, what was saved, what was prevented. Pure; made
 * of the analyses that the gateway keeps and of its signals. Times in milliseconds, sizes in bytes.
 */
import type { RouteAnalysis } from '../../plugins/metrics/index.ts'
import type { SignalLine } from '../admin/stats.ts'

/** The answer of `/api/analysis`. */
export interface Analyses {
  readonly now: readonly RouteAnalysis[]
  readonly history: Readonly<Record<string, readonly RouteAnalysis[]>>
}

export interface ReportInput {
  readonly analyses: Analyses
  /** Signals by name, counted since the start of the gateway. */
  readonly signals: Readonly<Record<string, readonly SignalLine[]>>
  readonly uptimeSeconds: number
  readonly sinceMs: number
  /** Milliseconds since 1970. */
  readonly nowMs: number
}

export interface RouteReport {
  readonly route: string
  readonly requests: number
  /** 95 of 100 were answered within this; of the usual window and of the worst one. Null = too few requests. */
  readonly p95: { readonly usualMs: number; readonly worstMs: number; readonly worstAtMs: number } | null
  /** Ended in a fault of the gateway or a status from 500; in one from 400. */
  readonly errors: number
  readonly clientErrors: number
  readonly callsAvoided: number
  readonly bytesAvoided: number
  readonly compressionSavedBytes: number
}

/** Counted since the gateway was started, whatever span was asked for. */
export interface Prevented {
  /** Further attempts, whatever became of them. */
  readonly sentAgain: number
  readonly waitedForApp: number
  readonly hedgesWon: number
  readonly ejections: number
  readonly refusedInOverload: number
}

export interface Report {
  readonly askedFromMs: number
  /** Start of the oldest analysis in it, and end of the newest; null = there is none. */
  readonly fromMs: number | null
  readonly toMs: number | null
  /** True = the gateway keeps less than was asked for, or runs for less. */
  readonly isPartial: boolean
  readonly uptimeSeconds: number
  readonly routes: readonly RouteReport[]
  /** Of all routes, since the start: `uptimeSeconds` ago. */
  readonly preventedSinceStart: Prevented
}

export function makeReport({ analyses, signals, uptimeSeconds, sinceMs, nowMs }: ReportInput): Report {
  const askedFromMs = nowMs - sinceMs
  const byRoute = windowsOf(analyses, askedFromMs)
  const windows = [...byRoute.values()].flat()
  // A first window is as long as any other, though it was empty before the start.
  const startedMs = nowMs - uptimeSeconds * 1000
  const fromMs = windows.length === 0 ? null : Math.max(startedMs, Math.min(...windows.map(startOf)))
  const longest = Math.max(0, ...windows.map(({ windowMs }) => windowMs))
  return {
    askedFromMs,
    fromMs,
    toMs: windows.length === 0 ? null : Math.max(...windows.map(({ atMs }) => atMs)),
    isPartial: fromMs === null || fromMs > askedFromMs + longest,
    uptimeSeconds,
    routes: [...byRoute].map(([route, all]) => routeReport(route, all)).filter(({ requests }) => requests > 0),
    preventedSinceStart: prevented(signals),
  }
}

const startOf = ({ atMs, windowMs }: RouteAnalysis): number => atMs - windowMs

/** Windows that ended in the span; the one that is not over yet only where it tells of nothing twice. */
function windowsOf({ now, history }: Analyses, fromMs: number): Map<string, RouteAnalysis[]> {
  const byRoute = new Map<string, RouteAnalysis[]>()
  for (const [route, all] of Object.entries(history)) {
    const wanted = all.filter(({ atMs }) => atMs > fromMs)
    if (wanted.length > 0) byRoute.set(route, wanted)
  }
  for (const current of now) {
    const known = byRoute.get(current.route) ?? []
    const overlaps = (known.at(-1)?.atMs ?? 0) > startOf(current)
    if (!overlaps) byRoute.set(current.route, [...known, current])
  }
  return byRoute
}

function routeReport(route: string, windows: readonly RouteAnalysis[]): RouteReport {
  const sum = (of: (window: RouteAnalysis) => number) => windows.reduce((all, window) => all + of(window), 0)
  return {
    route,
    requests: sum(({ count }) => count),
    p95: p95Of(windows),
    errors: sum(({ errors }) => errors),
    clientErrors: sum(({ clientErrors }) => clientErrors),
    callsAvoided: sum(({ cache }) => cache.callsAvoided),
    bytesAvoided: sum(({ cache }) => cache.bytesAvoided),
    compressionSavedBytes: sum(({ compression }) => compression.bytesSaved),
  }
}

function p95Of(windows: readonly RouteAnalysis[]): RouteReport['p95'] {
  const known = windows.flatMap(({ ms, atMs }) => (ms === null ? [] : [{ p95: ms.p95, atMs }]))
  const sorted = known.toSorted((a, b) => a.p95 - b.p95)
  const worst = sorted.at(-1)
  const usual = sorted[Math.floor((sorted.length - 1) / 2)]
  if (worst === undefined || usual === undefined) return null
  return { usualMs: usual.p95, worstMs: worst.p95, worstAtMs: worst.atMs }
}

function prevented(signals: ReportInput['signals']): Prevented {
  const total = (name: string, isMeant: (labels: SignalLine['labels']) => boolean = () => true) =>
    (signals[name] ?? []).reduce((all, { labels, value = 0 }) => (isMeant(labels) ? all + value : all), 0)
  return {
    sentAgain: total('retry_attempts_total'),
    waitedForApp: total('retry_held_total', ({ outcome }) => outcome === 'released'),
    hedgesWon: total('retry_hedges_total', ({ outcome }) => outcome === 'won'),
    ejections: total('upstream_ejections_total'),
    refusedInOverload: total('admission_shed_total'),
  }
}
