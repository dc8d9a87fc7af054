/**
 * The length of a request body that has come without one (chunked, or HTTP/2): many apps behind CGI, FastCGI or WSGI read
 * a body by Content-Length alone (RFC 3875 §4.1.2) and take a chunked one for empty. What is whole within a moment gets
 * its length; nothing is read meanwhile, so that what is longer then flows as ever.
 */
import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import { bodyLength } from './request-body.ts'
import { isGrpc } from './request-head.ts'

/** A body of so many bytes is not waited for; never more than Node holds back for a stream that nobody reads. */
export const GATHER_BYTES = 65_536
/**
 * Longest wait for the end of a body. A small one comes behind its head within a round trip or three; a stream with pauses
 * loses this once.
 */
export const GATHER_MS = 200

/** Whether the end of the body is waited for: not where a client may wait for the app before it goes on with it. */
export function isGathered(request: IncomingMessage): boolean {
  return bodyLength(request) === 'unknown' && !isGrpc(request.rawHeaders)
}

/**
 * Calls `done` once, never in the same turn: with the bytes of the whole body when all of it has come, with null when it
 * is too long or too slow, or broke off. All of it is still to be read.
 */
export function gatherLength(request: IncomingMessage, done: (length: number | null) => void): void {
  const { stream } = request as IncomingMessage & Partial<Pick<Http2ServerRequest, 'stream'>>
  let isSettled = false
  const settle = () => {
    if (isSettled) return
    isSettled = true
    clearTimeout(timer)
    request.off('readable', look).off('close', settle)
    stream?.off('end', look)
    // Node takes a tick to forget the listener, and would begin to read for one that came before that.
    process.nextTick(() => done(wholeLength(request)))
  }
  const look = () => {
    if (wholeLength(request) !== null || request.readableLength >= longest(request)) settle()
  }
  // One timer for each: such requests are few, and a sweep that is fine enough for them would not be.
  const timer = setTimeout(settle, GATHER_MS)
  request.on('readable', look).once('close', settle)
  stream?.on('end', look)
}

function longest(request: IncomingMessage): number {
  return Math.min(GATHER_BYTES, request.readableHighWaterMark)
}

/** Null = not whole, or cut: over HTTP/2 a cut body ends like a whole one, and only `aborted` tells. */
function wholeLength(request: IncomingMessage): number | null {
  const { stream } = request as IncomingMessage & Partial<Pick<Http2ServerRequest, 'stream'>>
  const isWhole = stream === undefined ? request.complete : stream.readableEnded && !stream.aborted
  const isThere = request.readableEnded || !request.destroyed
  return isWhole && isThere ? request.readableLength : null
}
