/**
 * What is written to the lists in Redis: one JSON object an entry, with the names that scripts know. Pure.
 */
import type { ExchangeEntry, Note, RequestRecord } from '../../contract/index.ts'

/** Prefix and version of every key. */
const PREFIX = 'hearthgate:v1:'

export const REQUESTS_KEY = `${PREFIX}request_metrics`
export const ANALYSIS_KEY = `${PREFIX}performance_analysis`

/** Most entries of each list; the oldest go. */
export const LENGTHS = { requests: 10_000, compression: 1_000, analysis: 100 } as const

/** The name of a coding in the configuration; null for one that is not made here. */
const algorithms: Readonly<Record<string, string>> = { br: 'brotli', gzip: 'gzip', zstd: 'zstd' }

export function algorithmOf(encoding: string | null): string | null {
  return encoding === null ? null : (algorithms[encoding] ?? null)
}

export function compressionKey(algorithm: string): string {
  return `${PREFIX}compression_stats:${algorithm}`
}

/** A request that waits to be written. */
export interface PendingRequest {
  /** In ms since 1970. */
  readonly atMs: number
  readonly entry: ExchangeEntry
  readonly record: RequestRecord
  readonly notes: readonly Note[]
}

/** The target without its query: whoever wants more reads the access log, where secrets are known by name. */
export function withoutQuery(url: string): string {
  const cut = url.indexOf('?')
  return cut < 0 ? url : `${url.slice(0, cut)}?***`
}

/** Sizes in bytes, times in ms; `timestamp` in seconds since 1970. */
export function requestEntry({ atMs, entry, record }: PendingRequest, urlOf: (entry: ExchangeEntry) => string): string {
  return JSON.stringify({
    timestamp: atMs / 1000,
    url: urlOf(entry),
    method: record.method,
    duration_ms: record.ms,
    size: record.bytesOut,
    status: record.status,
    route: record.route,
    outcome: record.outcome,
    request_id: record.requestId,
    client_class: record.clientClass,
    first_byte_ms: record.firstByteMs,
    upstream_ms: entry.upstreamMs,
    queue_ms: record.queueMs,
    attempts: record.attempts,
    bytes_in: record.bytesIn,
    bytes_raw: record.bytesRaw,
    cache: record.cache,
    encoding: record.encoding,
    long_held: record.isLongHeld,
  })
}

/** `ratio` is compressed to original; `time` is CPU, as `cpu_ms`. */
export function compressionEntry({ atMs, record, notes }: PendingRequest, algorithm: string): string {
  const decided = notes.find(({ topic, reason }) => topic === 'compression' && reason === 'encoded')?.numbers
  return JSON.stringify({
    timestamp: atMs / 1000,
    original_size: record.bytesRaw,
    compressed_size: record.bytesOut,
    ratio: record.bytesRaw === 0 ? null : record.bytesOut / record.bytesRaw,
    time: record.encodeMs,
    cpu_ms: record.encodeMs,
    route: record.route,
    codec: algorithm,
    level: decided?.['level'] ?? null,
    type: decided?.['type'] ?? null,
    client_class: record.clientClass,
  })
}
