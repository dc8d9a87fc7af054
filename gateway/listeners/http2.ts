/**
 * The HTTP/2 server behind all TLS listeners, and what keeps one client from working it too hard (RFC 9113 §10.5): the
 * acceptors hand it the sockets on which h2 was agreed.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { constants, createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { forgetListeners } from '../../plugins/contract/index.ts'
import type { GlobalLimits } from '../config/types.ts'
import { type Connection, connectionOf, type OpenStream } from './connection.ts'
import type { ConnectionBook } from './connection-book.ts'
import { MAX_CRUMBS } from './head-rules.ts'
import type { Intake } from './intake.ts'
import { RateWindow } from './rate-window.ts'
import type { ListenerHandlers } from './types.ts'

const STREAMS = 100
const STREAM_WINDOW = 262_144
const CONNECTION_WINDOW = 1_048_576
const MEMORY_MIB = 10
const INVALID_FRAMES = 100
/** Resets in either direction, and PING and SETTINGS frames, that are still use and no attack. */
const RESETS = 100
const CONTROL_FRAMES = 100
const WINDOW_MS = 10_000
/** Pseudo-header fields, and one line more than allowed so that it gets its 431. */
const EXTRA_FIELDS = 8
/** For the GOAWAY to go out. */
const FAREWELL_MS = 500

export function createHttp2(book: ConnectionBook, handlers: ListenerHandlers, intake: Intake): Http2Server {
  const server = createServer(serverOptions(book.limits))
  const onRequest = (req: IncomingMessage, res: ServerResponse) => intake.request2(req, res)
  const onExpect = (req: IncomingMessage, res: ServerResponse) => intake.expect(req, res)
  const events = server as unknown as NodeJS.EventEmitter
  // Here Node knows `100-continue` in lower case alone: every other spelling of it is a checkExpectation.
  events.on('request', onRequest).on('checkContinue', onExpect).on('checkExpectation', onExpect)
  server.on('sessionError', () => handlers.onClientError?.('reset'))
  server.on('session', session => {
    const connection = connectionOf(session.socket)
    if (connection === undefined) session.destroy()
    else new SessionGuard(connection, session, book, handlers)
  })
  return server
}

function serverOptions(limits: GlobalLimits) {
  return {
    settings: {
      maxConcurrentStreams: STREAMS,
      initialWindowSize: STREAM_WINDOW,
      maxHeaderListSize: limits.headerSize,
      enablePush: false,
    },
    maxHeaderListPairs: limits.headerLines + MAX_CRUMBS + EXTRA_FIELDS,
    maxSessionMemory: MEMORY_MIB,
    maxSessionInvalidFrames: INVALID_FRAMES,
    maxOutstandingPings: 10,
    streamResetBurst: RESETS,
    streamResetRate: RESETS / (WINDOW_MS / 1_000),
  }
}

/** Ends the session with ENHANCE_YOUR_CALM; a client that does not read does not keep the socket either. */
export function endSession(connection: Connection, code: number): void {
  connection.closing = true
  connection.session?.destroy(undefined, code)
  setTimeout(() => connection.raw.destroy(), FAREWELL_MS).unref()
}

const noop = () => {}

class SessionGuard {
  readonly #connection: Connection
  readonly #book: ConnectionBook
  readonly #handlers: ListenerHandlers
  readonly #resets = new RateWindow(RESETS, WINDOW_MS)
  readonly #controls = new RateWindow(CONTROL_FRAMES, WINDOW_MS)

  constructor(connection: Connection, session: ServerHttp2Session, book: ConnectionBook, handlers: ListenerHandlers) {
    this.#connection = connection
    this.#book = book
    this.#handlers = handlers
    connection.session = session
    session.setLocalWindowSize(CONNECTION_WINDOW)
    const onControl = () => this.#control()
    session.on('error', () => {})
    session.on('ping', onControl)
    session.on('remoteSettings', onControl)
    session.on('stream', stream => this.#open(stream))
    if (connection.via.draining) session.close()
  }

  #open(stream: ServerHttp2Stream): void {
    const connection = this.#connection
    const open: OpenStream = { stream, bagIndex: -1 }
    connection.streams.add(open)
    this.#book.begin(connection)
    stream.on('error', noop)
    stream.on('close', () => {
      connection.streams.delete(open)
      this.#book.end(connection)
      forgetListeners(stream)
      const isReset = stream.rstCode !== constants.NGHTTP2_NO_ERROR
      if (isReset && this.#resets.exceeds(performance.now())) this.#flood()
    })
  }

  #control(): void {
    if (this.#controls.exceeds(performance.now())) this.#flood()
  }

  #flood(): void {
    if (this.#connection.closing) return
    this.#handlers.onClientError?.('flood')
    endSession(this.#connection, constants.NGHTTP2_ENHANCE_YOUR_CALM)
  }
}
