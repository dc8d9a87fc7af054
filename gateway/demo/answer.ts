/**
 * How the demo origin answers: the shape of an endpoint and the few ways to send an answer. Every body that is made
 * here has a known length, so that HEAD and keep-alive come out right (RFC 9110 §8.6, §9.3.2).
 */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { matchesEntityTag } from './conditional.ts'

/** One request to the demo. `url` is the parsed target; only its path and query mean anything. */
export interface Exchange {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly url: URL
}

/** What stands behind a path. `methods` null = every method but TRACE. */
export interface Endpoint {
  readonly methods: readonly string[] | null
  readonly answer: (exchange: Exchange) => void
}

/** The methods of everything that is only read. */
export const READ = ['GET', 'HEAD'] as const

/** An endpoint for GET and HEAD. */
export function readEndpoint(answer: Endpoint['answer']): Endpoint {
  return { methods: READ, answer }
}

/** Sends a whole body; for HEAD its length only. `headers` need no Content-Length. */
export function sendBody({ req, res }: Exchange, status: number, headers: OutgoingHttpHeaders, body: Buffer): void {
  res.writeHead(status, { ...headers, 'content-length': body.length })
  if (req.method === 'HEAD') res.end()
  else res.end(body)
}

/** Sends a value as JSON; `no-store` unless `headers` says otherwise. */
export function sendJson(exchange: Exchange, status: number, value: unknown, headers: OutgoingHttpHeaders = {}): void {
  const body = Buffer.from(`${JSON.stringify(value, null, 2)}\n`)
  const defaults = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' }
  sendBody(exchange, status, { ...defaults, ...headers }, body)
}

/** A body that never changes while the demo runs, with its strong entity tag (in quotes). */
export interface Representation {
  readonly headers: OutgoingHttpHeaders
  readonly etag: string
  readonly body: Buffer
}

/** Sends a representation, or 304 where the client has it already (RFC 9110 §13.1.2). */
export function sendRepresentation(exchange: Exchange, { headers, etag, body }: Representation): void {
  const tagged = { ...headers, etag }
  if (matchesEntityTag(exchange.req.headers['if-none-match'], etag)) {
    exchange.res.writeHead(304, tagged).end()
    return
  }
  sendBody(exchange, 200, tagged, body)
}

/** A whole number from the query, within `min` and `max`; `fallback` where it is missing or not a number. */
export function numberOf(url: URL, name: string, bounds: { min: number; max: number; fallback: number }): number {
  const text = url.searchParams.get(name)
  const value = text === null || text === '' ? Number.NaN : Math.trunc(Number(text))
  if (!Number.isFinite(value)) return bounds.fallback
  return Math.min(bounds.max, Math.max(bounds.min, value))
}
