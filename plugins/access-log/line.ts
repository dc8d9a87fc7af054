/**
 * The two forms of a line. Whatever a client or an origin wrote is redacted, escaped and cut here, and nowhere else.
 */
import type { ExchangeEntry } from '../contract/index.ts'
import { printable, quotable } from './printable.ts'
import { redactUrl } from './redact.ts'
import type { Redaction } from './redaction.ts'

/** Most characters of a text in a line. */
const MAX = { method: 32, url: 2048, host: 255, agent: 512, short: 128 } as const

/** A text as it is shown, before it is escaped and cut. */
type Show = (text: string, redaction?: Redaction | null) => string

const asItIs: Show = text => text

/**
 * A field of the JSON form with its comma, empty where nothing is known. Most requests tell again what the last one told
 * (host, route, client, agent): that text is redacted and escaped once.
 */
class TextField {
  readonly #name: string
  readonly #limit: number
  readonly #show: Show
  #text: string | null = null
  #redaction: Redaction | null = null
  #field = ''

  constructor(name: string, limit: number = MAX.short, show = asItIs) {
    this.#name = name
    this.#limit = limit
    this.#show = show
  }

  of(text: string | null, redaction: Redaction | null = null): string {
    if (text === this.#text && redaction === this.#redaction) return this.#field
    this.#text = text
    this.#redaction = redaction
    this.#field = text === null ? '' : `,"${this.#name}":${this.#valueOf(text)}`
    return this.#field
  }

  #valueOf(text: string): string {
    return JSON.stringify(printable(this.#show(text, this.#redaction), this.#limit))
  }
}

/**
 * Makes the JSON form, without a line break: `level` by pino's numbers, `nowMs` in milliseconds since 1970. Unknown fields
 * are left out. Times in milliseconds, sizes in bytes. Put together by hand: to serialize an object of them took five times
 * as long.
 */
export function makeJsonLine(): (entry: ExchangeEntry, level: number, nowMs: number) => string {
  const requestId = new TextField('request_id')
  const traceId = new TextField('trace_id')
  const client = new TextField('client')
  const method = new TextField('method', MAX.method)
  const host = new TextField('host', MAX.host, redactUrl)
  const path = new TextField('path', MAX.url, redactUrl)
  const protocol = new TextField('protocol')
  const outcome = new TextField('outcome')
  const route = new TextField('route')
  const upstream = new TextField('upstream', MAX.host, redactUrl)
  const cache = new TextField('cache')
  const encoding = new TextField('encoding')
  const agent = new TextField('user_agent', MAX.agent)
  return (entry, level, nowMs) => {
    const who = requestId.of(entry.requestId) + traceId.of(entry.traceId ?? null) + client.of(entry.client)
    const asked = method.of(entry.method) + host.of(entry.host) + path.of(entry.url, entry.redaction ?? null)
    const answered = `${protocol.of(entry.protocol)},"status":${entry.status}${outcome.of(entry.outcome)}`
    const from = `${route.of(entry.route)}${upstream.of(entry.upstream)},"attempts":${entry.attempts}`
    const bytes = number('bytes_in', entry.bytesIn) + number('bytes_out', entry.bytesOut)
    const firstByte = time('first_byte_ms', entry.firstByteMs)
    const times = time('duration_ms', entry.durationMs) + firstByte + time('upstream_ms', entry.upstreamMs)
    const body = cache.of(entry.cache) + encoding.of(entry.encoding) + agent.of(entry.userAgent)
    return `{"level":${level},"time":${nowMs}${who}${asked}${answered}${from}${bytes}${times}${body},"msg":"request"}`
  }
}

/** JSON has no NaN, which a Content-Length that is none is read as. */
function number(name: string, value: number | null): string {
  return value === null || !Number.isFinite(value) ? '' : `,"${name}":${value}`
}

/** Microseconds are as fine as the clock is worth. */
function time(name: string, ms: number | null): string {
  return ms === null ? '' : number(name, Math.round(ms * 1000) / 1000)
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
