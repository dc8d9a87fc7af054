/**
 * What a client gets whose bytes are no request, or whose request does not come in time: a short answer with
 * `Connection: close`, or nothing where nobody would read it or another answer has begun.
 */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Connection } from './connection.ts'
import { lingerThenClose } from './lingering-close.ts'
import type { ClientErrorKind } from './types.ts'

export interface ClientErrorDecision {
  /** Null = close without a word. */
  readonly status: number | null
  readonly kind: ClientErrorKind
}

export interface ClientErrorFacts {
  readonly code: string | undefined
  /** What the parser has read of the connection's very first bytes; null where the fault came later. */
  readonly opening: Buffer | null
}

const LINE_FEED = 10
/** Junk after a parse error is worth less patience than an upload after a 413. */
const LINGER = { ms: 1_000, maxBytes: 131_072, source: null }

/** `code` is that of Node's 'clientError' event. */
export function decideClientError({ code, opening }: ClientErrorFacts): ClientErrorDecision {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      // The parser does not tell which part was too long, but what opens a connection without a line end is a target.
      if (opening !== null && !opening.includes(LINE_FEED)) return { status: 414, kind: 'target-too-long' }
      return { status: 431, kind: 'head-too-large' }
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return { status: 413, kind: 'malformed' }
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: 408, kind: 'head-timeout' }
    case 'HPE_INVALID_EOF_STATE':
      return { status: null, kind: 'reset' }
    default:
      return code?.startsWith('HPE_') ? { status: 400, kind: 'malformed' } : { status: null, kind: 'reset' }
  }
}

/**
 * Ends an HTTP/1.1 connection outside of any request. What has been asked before the fault is answered first, in its order
 * (RFC 9112 §9.3.2): it may have run at an origin. Where the fault is in the body of the request under way, this answer takes
 * the place of its own, but only while nothing of that has been sent.
 */
export function answerAndClose(connection: Connection, status: number | null): void {
  const { socket, request, response } = connection
  connection.closing = true
  if (!socket.writable) return void socket.destroy()
  if (response === null) return answerNow(connection, status)
  if (request?.complete === true) {
    connection.onUnwanted = countUnwanted(socket)
    connection.afterAnswers = () => answerNow(connection, status)
    return
  }
  if (status !== null && !response.headersSent) socket.write(rawAnswer(status))
  socket.destroySoon()
}

function answerNow(connection: Connection, status: number | null): void {
  const { socket } = connection
  if (status === null || !socket.writable) return void socket.destroy()
  socket.write(rawAnswer(status))
  connection.onUnwanted = lingerThenClose(socket, LINGER)
}

/** What follows a fault is thrown away while answers are under way, up to the same bound. */
function countUnwanted(socket: Socket): () => void {
  const start = socket.bytesRead
  return () => {
    if (socket.bytesRead - start > LINGER.maxBytes) socket.destroy()
  }
}

/** For sockets that Node's HTTP server has let go of (CONNECT, refused upgrades). */
export function answerRaw(socket: Socket, status: number, fields = ''): void {
  if (!socket.writable) return void socket.destroy()
  socket.write(rawAnswer(status, fields))
  lingerThenClose(socket, { ...LINGER, source: socket })
}

/** RFC 9209 §2.3: nothing but the request is at fault here. */
const PROXY_STATUS = 'Proxy-Status: hearthgate; error=http_request_error\r\n'

/** `fields`: further lines, each with its CRLF; `body` in ASCII. */
export function rawAnswer(status: number, fields = '', body = ''): string {
  const own = `${PROXY_STATUS}Connection: close\r\nContent-Length: ${body.length}\r\n\r\n`
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${fields}${own}${body}`
}
