/**
 * What a window of time says about one route: enough to see what is slow, what fails and what was saved. Pure; times in
 * milliseconds, sizes in bytes, rates from 0 to 1.
 */
import type { LogHistogram } from '../window/log-histogram.ts'
import type { Tally } from '../window/tally.ts'

export interface Spread {
  readonly count: number
  readonly mean: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

export interface RouteAnalysis {
  readonly route: string
  /** When it was made, in ms since 1970. */
  readonly atMs: number
  /** Length of the window, in ms. */
  readonly windowMs: number
  readonly count: number
  /** False = fewer requests than it takes to say anything; then the rates and times below are null. */
  readonly isSufficient: boolean
  /** Tunnels and event streams among them; they are in no time below. */
  readonly longHeld: number
  readonly requestsPerSecond: number
  readonly firstByteMs: Spread | null
  readonly ms: Spread | null
  readonly bytes: Spread | null
  readonly bytesIn: number
  readonly bytesOut: number
  /** Requests that ended in a fault of the gateway or a status from 500, and in one from 400; also where the count is small. */
  readonly errors: number
  readonly clientErrors: number
  /** Faults of the gateway and statuses from 500. */
  readonly errorRate: number | null
  /** Statuses from 400 to 499. */
  readonly clientErrorRate: number | null
  /** Answers below 400 that reached the client whole. */
  readonly successRate: number | null
  readonly leftRate: number | null
  readonly cache: CacheGain
  readonly compression: CompressionGain
  readonly queueMs: number
  /** Change of the time to the first byte and of the error rate since the window before; null without one. */
  readonly trend: Trend | null
}

export interface CacheGain {
  readonly hits: number
  readonly misses: number
  /** Of those that the cache had a part in; null without any. */
  readonly hitRatio: number | null
  /** Requests that no origin had to answer, and the bytes of their answers. */
  readonly callsAvoided: number
  readonly bytesAvoided: number
}

export interface CompressionGain {
  readonly encoded: number
  readonly bytesSaved: number
  /** Size after to size before; null without any. */
  readonly ratio: number | null
  readonly cpuMs: number
}

export interface Trend {
  /** `faster` and `slower` from a quarter of a change on. */
  readonly speed: 'faster' | 'steady' | 'slower'
  /** Median now to median before; 1 = unchanged. */
  readonly speedRatio: number
  readonly errorRateChange: number
}

export interface AnalysisInput {
  readonly route: string
  readonly tally: Tally
  readonly before: RouteAnalysis | null
  readonly windowMs: number
  readonly atMs: number
  /** Fewest requests that say anything. */
  readonly minSamples: number
}

export function analyse(input: AnalysisInput): RouteAnalysis {
  const { route, tally, windowMs, atMs, minSamples } = input
  const { count, verdicts } = tally
  const isSufficient = count >= minSamples
  const rate = (part: number): number | null => (isSufficient && count > 0 ? part / count : null)
  const errors = verdicts.server_error + verdicts.gateway_error
  const clientErrors = verdicts.client_error
  const now = { firstByteMs: isSufficient ? spreadOf(tally.firstByteMs) : null, errorRate: rate(errors) }
  return {
    ...{ route, atMs, windowMs, count, isSufficient, longHeld: tally.longHeld },
    requestsPerSecond: count / (windowMs / 1000),
    ...{ errors, clientErrors },
    ...now,
    ms: isSufficient ? spreadOf(tally.ms) : null,
    bytes: isSufficient ? spreadOf(tally.sizes) : null,
    bytesIn: tally.bytesIn,
    bytesOut: tally.bytesOut,
    clientErrorRate: rate(clientErrors),
    successRate: rate(verdicts.success),
    leftRate: rate(verdicts.client_left),
    cache: cacheGain(tally),
    compression: compressionGain(tally),
    queueMs: tally.queueMs,
    trend: trendOf(now, input.before),
  }
}

export function spreadOf(values: LogHistogram): Spread | null {
  const { count, mean, max } = values
  if (mean === null) return null
  const at = (share: number): number => values.percentile(share) ?? 0
  return { count, mean, p50: at(0.5), p95: at(0.95), p99: at(0.99), max }
}

export function cacheGain({ hits, misses, hitBytes }: Tally): CacheGain {
  const asked = hits + misses
  return {
    ...{ hits, misses, callsAvoided: hits, bytesAvoided: hitBytes },
    hitRatio: asked === 0 ? null : hits / asked,
  }
}

export function compressionGain({ encoded, encodedRaw, encodedOut, encodeMs }: Tally): CompressionGain {
  return {
    encoded,
    bytesSaved: encodedRaw - encodedOut,
    ratio: encodedRaw === 0 ? null : encodedOut / encodedRaw,
    cpuMs: encodeMs,
  }
}

/** Changes below it are noise. */
const NOTABLE = 1.25

function trendOf(
  now: { readonly firstByteMs: Spread | null; readonly errorRate: number | null },
  before: RouteAnalysis | null,
): Trend | null {
  const was = before?.firstByteMs?.p50 ?? null
  const is = now.firstByteMs?.p50 ?? null
  if (was === null || is === null || was === 0) return null
  const speedRatio = is / was
  const speed = speedRatio > NOTABLE ? 'slower' : speedRatio < 1 / NOTABLE ? 'faster' : 'steady'
  return { speed, speedRatio, errorRateChange: (now.errorRate ?? 0) - (before?.errorRate ?? 0) }
}
