/**
 * The facts of a request where the app tells none: what Fastify and Node know.
 */
import { isEndless } from '../fields.ts'
import type { Exchange } from './exchange.ts'
import type { ExchangeFacts } from './facts.ts'

export function bareFacts(exchange: Exchange, isFinished: boolean): ExchangeFacts {
  const { request, startedMs, headMs, client } = exchange
  const bytesOut = bytesSent(exchange, isFinished)
  return {
    requestId: request.id,
    client,
    host: request.host ?? '',
    route: request.routeOptions.url ?? null,
    upstream: null,
    attempts: 0,
    bytesIn: bytesReceived(exchange),
    bytesOut,
    bytesRaw: bytesOut,
    firstByteMs: headMs === null ? null : headMs - startedMs,
    upstreamMs: null,
    queueMs: 0,
    encodeMs: 0,
    error: null,
    isOriginCut: false,
    cache: fieldOf(exchange, 'cache-status'),
    encoding: fieldOf(exchange, 'content-encoding'),
    isLongHeld: isEndless(fieldOf(exchange, 'content-type')),
  }
}

/** Null as well where a hijacked reply was given its fields all at once: Node does not keep them. */
function fieldOf({ reply }: Exchange, name: string): string | null {
  const value = reply.getHeader(name)
  return value === undefined ? null : String(value)
}

/** What was announced; null for a body without an announced length. */
function bytesReceived({ request: { raw } }: Exchange): number | null {
  const length = raw.headers['content-length']
  if (length !== undefined) return Number(length)
  return raw.headers['transfer-encoding'] === undefined && raw.httpVersionMajor < 2 ? 0 : null
}

/**
 * The announced length of a whole answer; else what the connection sent meanwhile, head included, where it carries one
 * request at a time.
 */
function bytesSent({ request, reply, writtenBefore }: Exchange, isFinished: boolean): number | null {
  const { raw } = reply
  if (request.raw.method === 'HEAD' || raw.statusCode === 204 || raw.statusCode === 304) return 0
  const length = reply.getHeader('content-length')
  if (length !== undefined && isFinished) return Number(length)
  return writtenBefore === null ? null : (request.raw.socket.bytesWritten ?? 0) - writtenBefore
}
