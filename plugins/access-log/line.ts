/**
 * The two forms of a line. Whatever a client or an origin wrote is redacted, escaped and cut here, and nowhere else.
 */
import type { ExchangeEntry } from '../contract/index.ts'
import { printable, quotable } from './printable.ts'
import { redactUrl } from './redact.ts'
import type { Redaction } from './redaction.ts'

/** Most characters of a text in a line. */
const MAX = { method: 32, url: 2048, host: 255, agent: 512, short: 128 } as const

/** The fields of the JSON form; unknown ones are left out. Times in milliseconds, sizes in bytes. */
export function jsonFields(entry: ExchangeEntry): Record<string, string | number | undefined> {
  return {
    request_id: short(entry.requestId),
    trace_id: short(entry.traceId ?? null),
    client: short(entry.client),
    method: printable(entry.method, MAX.method),
    host: address(entry.host, MAX.host),
    path: address(entry.url, MAX.url, entry.redaction),
    protocol: entry.protocol,
    status: entry.status,
    outcome: short(entry.outcome),
    route: short(entry.route),
    upstream: entry.upstream === null ? undefined : address(entry.upstream, MAX.host),
    attempts: entry.attempts,
    bytes_in: entry.bytesIn ?? undefined,
    bytes_out: entry.bytesOut ?? undefined,
    duration_ms: rounded(entry.durationMs),
    first_byte_ms: rounded(entry.firstByteMs),
    upstream_ms: rounded(entry.upstreamMs),
    cache: short(entry.cache),
    encoding: short(entry.encoding),
    user_agent: entry.userAgent === null ? undefined : printable(entry.userAgent, MAX.agent),
  }
}

/**
 * The JSON form, without a line break.
 * @param level of the line, by pino's numbers
 * @param nowMs time of the line, in milliseconds since 1970.
 */
export function jsonLine(entry: ExchangeEntry, level: number, nowMs: number): string {
  return JSON.stringify({ level, time: nowMs, ...jsonFields(entry), msg: 'request' })
}

function address(text: string, limit: number, redaction?: Redaction | null): string {
  return printable(redactUrl(text, redaction), limit)
}

function short(text: string | null): string | undefined {
  return text === null ? undefined : printable(text, MAX.short)
}

/** Microseconds are as fine as the clock is worth. */
function rounded(ms: number | null): number | undefined {
  return ms === null ? undefined : Math.round(ms * 1000) / 1000
}

/**
 * The `combined` form of Apache and nginx, without a line break.
 * @param nowMs time of the line, in milliseconds since 1970.
 */
export function combinedLine(entry: ExchangeEntry, nowMs: number): string {
  const version = entry.protocol === 'h2' ? 'HTTP/2.0' : 'HTTP/1.1'
  const request = `${quotable(entry.method, MAX.method)} ${quotable(redactUrl(entry.url, entry.redaction), MAX.url)} ${version}`
  const referer = entry.referer === null ? '-' : quotable(redactUrl(entry.referer, entry.redaction), MAX.url)
  const agent = entry.userAgent === null ? '-' : quotable(entry.userAgent, MAX.agent)
  const who = `${clientColumn(entry.client)} - - [${combinedTime(nowMs)}]`
  return `${who} "${request}" ${entry.status} ${entry.bytesOut ?? '-'} "${referer}" "${agent}"`
}

/** The first column ends at a space. */
function clientColumn(client: string): string {
  return client === '' ? '-' : printable(client, MAX.short).replaceAll(' ', '\\x20')
}

/** `22/Nov/2026:18:31:18 +0000`, out of `Sun, 22 Nov 2026 18:31:18 GMT`. */
function combinedTime(nowMs: number): string {
  const text = new Date(nowMs).toUTCString()
  return `${text.slice(5, 7)}/${text.slice(8, 11)}/${text.slice(12, 16)}:${text.slice(17, 25)} +0000`
}
