/**
 * What a span of time brought, route by route: what was slow, what failed, what was saved, what was prevented. Pure; made
 * of the hours that the gateway keeps. Times in milliseconds, sizes in bytes.
 */
import {
  addCell,
  analyse,
  HOUR_MS,
  type HourBook,
  type HourCell,
  type RouteAnalysis,
  sumCounts,
  Tally,
} from '../../plugins/metrics/index.ts'
import type { Prevented } from './prevented.ts'

/** Fewest requests of an hour, or of the span, from which times are told. */
const MIN_SAMPLES = 20

export interface ReportInput {
  /** All that is kept, also from before the span: it tells how far back the gateway knows. */
  readonly book: HourBook
  readonly uptimeSeconds: number
  readonly sinceMs: number
  /** Milliseconds since 1970. */
  readonly nowMs: number
}

/** 95 of 100 were answered within this. */
export interface SlowestTwentieth {
  /** Of all requests of the span. */
  readonly overallMs: number
  /** In the median of its hours, and in the worst one, which began at `worstAtMs`. */
  readonly usualMs: number
  readonly worstMs: number
  readonly worstAtMs: number
}

export interface RouteReport {
  readonly route: string
  readonly requests: number
  /** Null = too few requests. */
  readonly p95: SlowestTwentieth | null
  /** Ended in a fault of the gateway or a status from 500; in one from 400. */
  readonly errors: number
  readonly clientErrors: number
  readonly callsAvoided: number
  readonly bytesAvoided: number
  readonly compressionSavedBytes: number
}

export interface Report {
  readonly askedFromMs: number
  /** Start of the oldest hour in it; null = nothing is known. */
  readonly fromMs: number | null
  readonly toMs: number
  /** True = the gateway knows of less than was asked for. */
  readonly isPartial: boolean
  readonly uptimeSeconds: number
  readonly routes: readonly RouteReport[]
  /** Of all routes, in the same span. */
  readonly prevented: Prevented
}

export function makeReport({ book, uptimeSeconds, sinceMs, nowMs }: ReportInput): Report {
  const askedFromMs = nowMs - sinceMs
  const isWanted = ({ hour }: { readonly hour: number }) => (hour + 1) * HOUR_MS > askedFromMs
  const byRoute = Map.groupBy(book.cells.filter(isWanted), ({ route }) => route)
  const fromMs = reachOf(book, { askedFromMs, startedMs: nowMs - uptimeSeconds * 1000 })
  return {
    askedFromMs,
    fromMs,
    toMs: nowMs,
    isPartial: fromMs === null || fromMs > askedFromMs,
    uptimeSeconds,
    routes: Array.from(byRoute, ([route, cells]) => routeReport(route, cells, nowMs)),
    prevented: { ...nothingPrevented, ...sumCounts(book.events.filter(isWanted)) },
  }
}

const nothingPrevented: Prevented = { sentAgain: 0, waitedForApp: 0, hedgesWon: 0, ejections: 0, refusedInOverload: 0 }

/** Where the hours that are told begin: whole hours, but none from before a gateway that knows of nothing older. */
function reachOf({ cells }: HourBook, span: { readonly askedFromMs: number; readonly startedMs: number }) {
  if (cells.length === 0) return null
  const oldest = Math.min(...cells.map(({ hour }) => hour)) * HOUR_MS
  const known = oldest <= span.startedMs && span.startedMs < oldest + HOUR_MS ? span.startedMs : oldest
  const asked = Math.floor(span.askedFromMs / HOUR_MS) * HOUR_MS
  return Math.max(known, asked)
}

function routeReport(route: string, cells: readonly HourCell[], nowMs: number): RouteReport {
  const hours = cells.map(cell => hourAnalysis([cell], nowMs))
  const all = hourAnalysis(cells, nowMs)
  return {
    route,
    requests: all.count,
    p95: p95Of(all, hours),
    errors: all.errors,
    clientErrors: all.clientErrors,
    callsAvoided: all.cache.callsAvoided,
    bytesAvoided: all.cache.bytesAvoided,
    compressionSavedBytes: all.compression.bytesSaved,
  }
}

/** Hours of one route as one window. */
function hourAnalysis(cells: readonly HourCell[], nowMs: number): RouteAnalysis {
  const tally = new Tally()
  for (const cell of cells) addCell(tally, cell)
  const [{ route, hour }] = cells as [HourCell, ...HourCell[]]
  const atMs = Math.min(nowMs, (hour + 1) * HOUR_MS)
  return analyse({ route, tally, before: null, windowMs: HOUR_MS * cells.length, atMs, minSamples: MIN_SAMPLES })
}

function p95Of({ ms }: RouteAnalysis, hours: readonly RouteAnalysis[]): SlowestTwentieth | null {
  if (ms === null) return null
  const overallMs = ms.p95
  const known = hours.flatMap(each => (each.ms === null ? [] : [{ p95: each.ms.p95, beganMs: beganMs(each) }]))
  const sorted = known.toSorted((a, b) => a.p95 - b.p95)
  const worst = sorted.at(-1)
  const usual = sorted[Math.floor((sorted.length - 1) / 2)]
  // Enough in the span, but in none of its hours.
  if (worst === undefined || usual === undefined) {
    return { overallMs, usualMs: overallMs, worstMs: overallMs, worstAtMs: beganMs(hours[0] as RouteAnalysis) }
  }
  return { overallMs, usualMs: usual.p95, worstMs: worst.p95, worstAtMs: worst.beganMs }
}

const beganMs = ({ atMs }: RouteAnalysis): number => Math.floor((atMs - 1) / HOUR_MS) * HOUR_MS
