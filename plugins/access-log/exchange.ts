/**
 * A request while it runs, as the log follows it, and the entry that it becomes at its end.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { bareFacts } from './bare-facts.ts'
import { type AccessEntry, decideOutcome, decideStatus, type Exchange, type FactsOf } from './facts.ts'

export function openExchange(request: FastifyRequest, reply: FastifyReply): Exchange {
  const { raw } = request
  const startedMs = performance.now()
  const writtenBefore = raw.httpVersionMajor === 2 ? 0 : (raw.socket.bytesWritten ?? 0)
  return { request, reply, startedMs, client: request.ip ?? '', writtenBefore, headMs: null, error: null }
}

/** The entry of an exchange whose raw reply has closed. */
export function closeExchange(exchange: Exchange, factsOf: FactsOf | null): AccessEntry {
  const { request, reply, startedMs } = exchange
  const durationMs = performance.now() - startedMs
  const { raw } = reply
  const isFinished = isAnswered(raw)
  const { error, isOriginCut, ...told } = factsOf?.(request, reply) ?? bareFacts(exchange, isFinished)
  const ending = {
    isFinished,
    isHeadSent: raw.headersSent,
    status: raw.statusCode,
    // An error that the framework answered; where nobody got that answer it may be the leaving of the client itself.
    error: error ?? (isFinished ? exchange.error : null),
    isOriginCut,
  }
  const outcome = decideOutcome(ending)
  const { headers, method, httpVersionMajor } = request.raw
  return {
    ...told,
    method: method ?? '',
    url: request.originalUrl,
    protocol: httpVersionMajor === 2 ? 'h2' : 'h1',
    status: decideStatus(ending, outcome),
    outcome,
    durationMs,
    userAgent: headers['user-agent'] ?? null,
    referer: headers.referer ?? null,
  }
}

/** A stream of HTTP/2 that was reset has ended as well; only its code tells. */
function isAnswered(raw: FastifyReply['raw']): boolean {
  const { stream } = raw as { stream?: { rstCode?: number } }
  return raw.writableFinished && (stream?.rstCode ?? 0) === 0
}
