/**
 * Closing after an early answer while the client still sends: closing at once would reset the connection and take the
 * answer away from the client, so the rest is read and thrown away for a bounded time (RFC 9112 §9.6).
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { isHttp2 } from './is-http2.ts'

export interface LingerOptions {
  /** Longest time after the answer has been sent; default 2 s, for the rest of an upload 5 s. */
  readonly ms?: number
  /** Most bytes that are still read; default 1 MiB, for the rest of an upload 32 MiB. */
  readonly maxBytes?: number
  /** What is read: the request whose body is left, the socket itself (default), or null where a parser reads it. */
  readonly source?: Readable | null
}

const DEFAULT_MS = 2_000
const DEFAULT_BYTES = 1_048_576
/**
 * What a client that sends an upload gets: most read an answer only when they have sent all, and some systems throw it away
 * when the connection is reset. Only so many of a server at once; the others get the default.
 */
const UPLOAD = { ms: 5_000, maxBytes: 33_554_432 }
const MAX_UPLOADS = 32

/**
 * Ends our side once everything is written, discards what comes, then destroys the socket. With `source: null` call the
 * returned function whenever bytes came in.
 */
export function lingerThenClose(socket: Socket, options: LingerOptions = {}): () => void {
  const { ms = DEFAULT_MS, maxBytes = DEFAULT_BYTES, source = socket } = options
  const start = socket.bytesRead
  const discard = () => {
    if (socket.bytesRead - start > maxBytes) socket.destroy()
  }
  if (socket.destroyed) return discard
  const startClock = () => {
    const timer = setTimeout(() => socket.destroy(), ms)
    socket.once('close', () => clearTimeout(timer))
  }
  socket.end(startClock)
  const leave = () => destroyWhenSent(socket)
  socket.once('end', leave)
  if (source !== null) {
    source.on('data', discard).once('end', leave).once('error', leave)
    source.resume()
  }
  return discard
}

const uploads = new WeakMap<object, number>()

/** The patience with one more upload; its place is free again when the socket has closed. */
function patience(socket: Socket): LingerOptions {
  const { server = socket } = socket as Socket & { server?: object }
  const count = uploads.get(server) ?? 0
  if (count >= MAX_UPLOADS) return {}
  uploads.set(server, count + 1)
  socket.once('close', () => uploads.set(server, (uploads.get(server) ?? 1) - 1))
  return UPLOAD
}

/**
 * Call it with an answer that may end before its request: if it does, the HTTP/1.1 connection is closed in the lingering
 * form. No effect over HTTP/2 and on requests read to their end. The request must not be destroyed before.
 */
export function armLinger(req: IncomingMessage, res: ServerResponse, options: LingerOptions = {}): void {
  if (isHttp2(req) || req.complete) return
  if (!res.headersSent) res.shouldKeepAlive = false
  res.prependOnceListener('finish', () => {
    const { socket } = req
    if (req.complete || socket.destroyed) return
    // Node calls it in its own 'finish' listener, for an answer that said `Connection: close`.
    socket.destroySoon = () => {}
    // Flowing before Node looks: else it dumps the body past every count.
    req.unpipe()
    req.resume()
    process.nextTick(lingerThenClose, socket, { ...patience(socket), ...options, source: req })
  })
}

function destroyWhenSent(socket: Socket): void {
  if (socket.writableFinished) socket.destroy()
  else socket.once('finish', () => socket.destroy())
}
