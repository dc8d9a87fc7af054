/**
 * One HTTP/2 connection to an origin, on a socket that is already connected: as many exchanges at once as the origin
 * allows (RFC 9113 §5.1.2), and when it takes no more (§6.8).
 */
import http2, { type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { Bag } from '../../contract/index.ts'
import { upstreamFailure } from '../errors.ts'
import type { ConnectionEvents, ExchangeHandler, ExchangeRequest, OriginConnection } from '../exchange.ts'
import { FIELD_OVERHEAD, MAX_HEAD_BYTES } from './answer-head.ts'
import { H2Exchange, type H2Owner } from './h2-exchange.ts'
import { encodeH2Head, type H2Origin } from './request-head.ts'
import { decideStreamFailure } from './stream-failure.ts'

/** Streams on one connection, at most; RFC 9113 §6.5.2 suggests that peers allow no less. */
export const H2_STREAMS = 100
/** What an answer may have on its way to us, and all answers of a connection together. */
const STREAM_WINDOW_BYTES = 262_144
const CONNECTION_WINDOW_BYTES = 1_048_576
/** Megabytes that Node may hold for one connection: full windows in both directions, and heads. */
const SESSION_MEMORY_MB = 64
/**
 * What Node reads of a head. It is more than what is accepted, since Node ends a stream above it with the code that some
 * origins send when they are busy.
 */
const MAX_READ_BYTES = 4 * MAX_HEAD_BYTES
/** Largest head of a request, which the listener has bounded before. */
const MAX_REQUEST_HEAD_BYTES = 131_072
/** RFC 9113 §6.5.3 leaves the time open in which the other side has to send its SETTINGS. */
const SETTINGS_TIMEOUT_MS = 5_000
/** How long a closed connection may take to hand its last frames to the origin. */
const LINGER_MS = 1_000

export interface H2ConnectionOptions {
  readonly origin: H2Origin
  readonly events: ConnectionEvents
  readonly settingsTimeoutMs?: number
}

type Opened = (error: Error | null, connection: H2Connection | null) => void

/**
 * Begins HTTP/2 on `socket`. `done` is called exactly once, in a later turn: when the origin has said how many streams it
 * takes, or with an UpstreamFailure that is `unsent`.
 */
export function openH2(socket: Socket, options: H2ConnectionOptions, done: Opened): void {
  const connection = new H2Connection(socket, options)
  let isDone = false
  const finish = (error: Error | null): void => {
    if (isDone) return
    isDone = true
    clearTimeout(timer)
    if (error !== null) connection.destroy(error)
    done(error, error === null ? connection : null)
  }
  const timer = setTimeout(
    () => finish(upstreamFailure('connectTimeout', true)),
    options.settingsTimeoutMs ?? SETTINGS_TIMEOUT_MS,
  )
  connection.onReady = () => finish(connection.capacity > 0 ? null : upstreamFailure('full', true))
  connection.onBroken = cause => finish(upstreamFailure(cause === null ? 'reset' : 'invalid', true, cause ?? undefined))
}

export class H2Connection implements OriginConnection {
  readonly bornMs: number = performance.now()
  readonly socket: Socket
  /** The first SETTINGS of the origin have come. */
  onReady: (() => void) | null = null
  /** It ended before it was lent; the cause is null where the origin just closed it. */
  onBroken: ((cause: Error | null) => void) | null = null
  readonly #session: ClientHttp2Session
  readonly #origin: H2Origin
  readonly #events: ConnectionEvents
  readonly #running = new Bag<H2Exchange>()
  readonly #owner: H2Owner = {
    failureOf: (stream, state) => this.#failureOf(stream, state),
    over: (exchange, isOk) => this.#over(exchange, isOk),
  }
  #streams = 0
  #used = false
  #closing = false
  #gone = false
  #lastStreamId: number | null = null
  #cause: Error | null = null

  constructor(socket: Socket, options: H2ConnectionOptions) {
    this.socket = socket
    this.#origin = options.origin
    this.#events = options.events
    this.#session = connectOver(socket, options.origin.scheme)
    this.#listen(this.#session)
  }

  get capacity(): number {
    return this.#closing || this.#gone ? 0 : this.#streams
  }

  get inFlight(): number {
    return this.#running.size
  }

  get used(): boolean {
    return this.#used
  }

  dispatch(request: ExchangeRequest, handler: ExchangeHandler): void {
    const exchange = new H2Exchange(this.#owner, request, handler)
    const isFull = this.#running.size >= this.capacity
    this.#running.add(exchange)
    if (isFull) return exchange.fail(upstreamFailure('reset', true))
    const { fields, problem } = encodeH2Head(request, this.#origin)
    if (fields === null) return exchange.fail(upstreamFailure('invalid', true, new Error(problem)))
    exchange.start(this.#session, fields)
  }

  close(): void {
    this.#drain(false)
  }

  destroy(reason: Error): void {
    this.#running.visit(exchange => exchange.fail(reason))
    this.#retire(false)
    this.socket.destroy()
  }

  #listen(session: ClientHttp2Session): void {
    session.on('error', error => {
      this.#cause = error
    })
    session.once('connect', () => session.setLocalWindowSize(CONNECTION_WINDOW_BYTES))
    session.on('remoteSettings', ({ maxConcurrentStreams }) => this.#onSettings(maxConcurrentStreams ?? H2_STREAMS))
    session.on('goaway', (_code, lastStreamId) => {
      this.#lastStreamId = lastStreamId
      this.#drain(true)
    })
    session.on('close', () => this.#drain(true))
  }

  #onSettings(maxConcurrentStreams: number): void {
    const before = this.capacity
    this.#streams = Math.min(H2_STREAMS, maxConcurrentStreams)
    if (this.onReady !== null) {
      this.onReady()
      this.onReady = null
    } else if (this.capacity > before) this.#events.onFree(this, null)
  }

  /** Takes no more requests, and ends with the last that runs. */
  #drain(isByOrigin: boolean): void {
    if (this.#gone) return
    const wasClosing = this.#closing
    this.#closing = true
    if (this.#running.size === 0) this.#retire(isByOrigin)
    else if (!wasClosing) this.#events.onDraining?.(this)
  }

  #over(exchange: H2Exchange, isOk: boolean): void {
    this.#running.delete(exchange)
    if (isOk) this.#used = true
    if (this.#gone) return
    if (this.#closing) {
      if (this.#running.size === 0) this.#retire(false)
    } else this.#events.onFree(this, null)
  }

  #failureOf({ rstCode, id, errored }: ClientHttp2Stream, state: Parameters<H2Owner['failureOf']>[1]): Error {
    const failure = decideStreamFailure({ rstCode, id, lastStreamId: this.#lastStreamId, ...state })
    const cause = errored ?? this.#cause ?? new Error(failure.reason)
    return upstreamFailure(failure.kind, failure.unsent, cause, failure.unprocessed)
  }

  #retire(isIdle: boolean): void {
    if (this.#gone) return
    this.#gone = true
    this.#session.destroy()
    // A peer that does not read must not hold the socket open.
    if (!this.socket.destroyed) setTimeout(() => this.socket.destroy(), LINGER_MS).unref()
    process.nextTick(() => {
      this.onBroken?.(this.#cause)
      this.#events.onGone(this, isIdle)
    })
  }
}

/** An option that the types do not know yet: lines are repeated as the client did, as on HTTP/1.1. */
type SessionOptions = http2.ClientSessionOptions & { readonly strictSingleValueFields: boolean }

function connectOver(socket: Socket, scheme: 'http' | 'https'): ClientHttp2Session {
  const options: SessionOptions = {
    createConnection: () => socket,
    maxHeaderListPairs: MAX_READ_BYTES / FIELD_OVERHEAD,
    maxSendHeaderBlockLength: MAX_REQUEST_HEAD_BYTES,
    maxSessionMemory: SESSION_MEMORY_MB,
    strictSingleValueFields: false,
    settings: {
      enablePush: false,
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxHeaderListSize: MAX_READ_BYTES,
    },
  }
  return http2.connect(`${scheme}://localhost`, options)
}
