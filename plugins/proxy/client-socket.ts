/**
 * Writing an answer to the raw reply of HTTP/1.1 or HTTP/2 alike: head, interim answers, trailers and the honest end
 * of an answer that was cut.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { constants, type Http2ServerResponse } from 'node:http2'
import { TLSSocket } from 'node:tls'
import type { FastifyReply } from 'fastify'
import { answerTrailers, asHeaderObject, interimFields } from './answer-head.ts'
import { bodyLength } from './request-body.ts'
import type { FieldRules } from './request-head.ts'
import { LearnedHeads, type RepeatedHead } from './whole-head.ts'
import { WholeResponse } from './whole-response.ts'

const noReason = ''

export function isHttp2(raw: ServerResponse): boolean {
  return 'stream' in raw
}

/** Whether the client is gone: a 'close' that has been told already is not told again. */
export function hasLeft(raw: ServerResponse): boolean {
  if (!isHttp2(raw)) return raw.destroyed
  const { stream } = raw as unknown as { stream: Http2ServerResponse['stream'] | undefined }
  return stream === undefined || stream.destroyed || stream.closed
}

/**
 * Calls back when the client is gone, maybe more than once. Over HTTP/2 the stream is asked: where a client resets it with
 * NO_ERROR, or its session fails, the body first ends like a whole one, and only 'aborted', which comes before, tells that it
 * was cut; and for HEAD Node leaves out the 'close' of the answer.
 */
export function onLeave(raw: ServerResponse, callback: () => void): void {
  if (isHttp2(raw)) (raw as unknown as Http2ServerResponse).stream?.once('aborted', callback).once('close', callback)
  else raw.once('close', callback)
}

export interface WrittenHead {
  readonly status: number
  readonly reason: string
  /** Flat, with Content-Length where there is one. */
  readonly fields: string[]
  readonly mayHaveTrailers: boolean
}

export function writeHead(raw: ServerResponse, { status, reason, fields, mayHaveTrailers }: WrittenHead): void {
  if (isHttp2(raw)) writeHead2(raw as unknown as Http2ServerResponse, status, fields, mayHaveTrailers)
  else if (reason === noReason) raw.writeHead(status, fields)
  else raw.writeHead(status, reason, fields)
}

const learned = new LearnedHeads()

/** The text of a head that may leave together with its whole answer; null where Node has to make it. */
export function wholeHeadFor(raw: ServerResponse, head: WrittenHead, prepared: RepeatedHead | null): string | null {
  if (!(raw instanceof WholeResponse) || !raw.takesWhole) return null
  const whole = { ...head, keepAliveMs: raw.keepAliveMs }
  return prepared?.textOf(whole) ?? learned.textOf(whole)
}

/**
 * HTTP/2 has no reason phrase and wants an object (RFC 9113 §8.3.2). Node's `writeHead` always waits for trailers: END_STREAM
 * then has a frame, a TLS record and an event of its own, behind the body (bench: h2).
 */
function writeHead2(response: Http2ServerResponse, status: number, fields: string[], mayHaveTrailers: boolean): void {
  const headers = asHeaderObject(fields)
  if (mayHaveTrailers) return void response.writeHead(status, headers)
  const { stream } = response
  if (stream.destroyed || stream.closed) return
  response.statusCode = status
  headers[':status'] = String(status)
  stream.respond(headers)
}

/** What hooks have put on the reply goes out on the direct way too. */
export function addFrameworkFields(reply: FastifyReply, fields: string[]): void {
  const own = reply.getHeaders()
  for (const name in own) {
    const value = own[name]
    if (value === undefined) continue
    for (const line of Array.isArray(value) ? value : [value]) fields.push(name, String(line))
  }
}

/** Passes 102 and 103 on (RFC 9110 §15.2); the others are between the origin and us. HTTP/1.0 knows none. */
export function writeInterim(
  raw: ServerResponse,
  status: number,
  rawHeaders: readonly string[],
  rules: FieldRules,
): void {
  if (raw.headersSent || raw.req.httpVersion === '1.0') return
  if (status === 102 && !isHttp2(raw)) raw.writeProcessing()
  if (status !== 103) return
  const hints = asHeaderObject(interimFields(rawHeaders, rules))
  // Node sends none without a link, and a hint without one hints at nothing.
  if (hints['link'] === undefined) return
  try {
    raw.writeEarlyHints(hints)
  } catch {
    // A hint that Node finds malformed is only a hint: the final answer follows.
  }
}

/** Trailers can only follow a chunked body, or any body in HTTP/2. */
export function addTrailers(raw: ServerResponse, rawTrailers: readonly string[] | null): void {
  const trailers = answerTrailers(rawTrailers)
  if (trailers.length === 0) return
  if (isHttp2(raw)) raw.addTrailers(asHeaderObject(trailers.flat()) as never)
  else raw.addTrailers(trailers)
}

/** Ends an answer so that nobody can take what has come for the whole (promise 3). */
export function breakOff(raw: ServerResponse): void {
  if (isHttp2(raw)) (raw as unknown as Http2ServerResponse).stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  else if (endsWithConnection(raw)) raw.socket?.resetAndDestroy()
  else raw.destroy()
}

/** For such an answer a proper close would be its end; only a reset tells. TLS tells by the missing close_notify. */
function endsWithConnection(raw: ServerResponse): boolean {
  if (raw.req.httpVersion !== '1.0' || raw.socket === null || raw.socket instanceof TLSSocket) return false
  return !raw.hasHeader('content-length') && !raw.chunkedEncoding
}

/**
 * Whether the client has sent all of its request. `complete` comes late: while the head is being handled it is false for
 * a request without a body as well, and over HTTP/2 it stays so when nobody reads it.
 */
export function isRequestComplete(request: IncomingMessage): boolean {
  return request.complete || bodyLength(request) === null
}

/** HTTP/2: an answer that came before the body was read ends the stream, so that the client stops sending. */
export function closeStreamAfterAnswer(raw: ServerResponse): void {
  const { stream } = raw as unknown as Http2ServerResponse
  stream.once('finish', () => {
    if (!isRequestComplete(raw.req)) stream.close(constants.NGHTTP2_NO_ERROR)
  })
}
