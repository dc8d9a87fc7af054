/**
 * Writing an answer to the raw reply of HTTP/1.1 or HTTP/2 alike: head, interim answers, trailers and the honest end
 * of an answer that was cut.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { constants, type Http2ServerResponse } from 'node:http2'
import { TLSSocket } from 'node:tls'
import { answerTrailers, asHeaderObject } from './answer-head.ts'

const noReason = ''

export function isHttp2(raw: ServerResponse): boolean {
  return 'stream' in raw
}

/** Writes the head. `fields` is flat and includes Content-Length where there is one. */
export function writeHead(raw: ServerResponse, status: number, reason: string, fields: string[]): void {
  // HTTP/2 has no reason phrase and wants an object (RFC 9113 §8.3.2).
  if (isHttp2(raw)) (raw as unknown as Http2ServerResponse).writeHead(status, asHeaderObject(fields))
  else if (reason === noReason) raw.writeHead(status, fields)
  else raw.writeHead(status, reason, fields)
}

/** Sends the head now although no byte of the body is there: a client of an event stream waits for it. */
export function flushHead(raw: ServerResponse): void {
  raw.flushHeaders()
}

/** Passes 102 and 103 on (RFC 9110 §15.2); the others are between the origin and us. HTTP/1.0 knows none. */
export function writeInterim(raw: ServerResponse, status: number, rawHeaders: readonly string[]): void {
  if (raw.headersSent || raw.req.httpVersion === '1.0') return
  if (status === 102 && !isHttp2(raw)) raw.writeProcessing()
  if (status !== 103) return
  // Links are what hints are for; any other field would escape the rules for heads.
  const { link } = asHeaderObject(rawHeaders)
  if (link === undefined) return
  try {
    raw.writeEarlyHints({ link })
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

/** Whether the client has sent all of its request. Over HTTP/2 `complete` stays false for a body-less one that nobody reads. */
export function isRequestComplete(request: IncomingMessage): boolean {
  if (request.complete) return true
  const { stream } = request as { stream?: { endAfterHeaders?: boolean } }
  return stream?.endAfterHeaders === true
}

/** HTTP/2: an answer that came before the body was read ends the stream, so that the client stops sending. */
export function closeStreamAfterAnswer(raw: ServerResponse): void {
  const { stream } = raw as unknown as Http2ServerResponse
  stream.once('finish', () => {
    if (!isRequestComplete(raw.req)) stream.close(constants.NGHTTP2_NO_ERROR)
  })
}
