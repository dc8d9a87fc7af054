/**
 * One request on its way: waiting for a connection, running on one, or moved to the next after a failure that leaves
 * that open. It is the handler of the connection below and the one controller that the caller above ever sees, so the
 * caller can leave at any moment.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import { type BagMember, contentTypeOf, isEndless } from '../contract/index.ts'
import { attemptKind } from './attempt-kind.ts'
import { type FailureKind, isUpstreamFailure, type UpstreamFailure, upstreamFailure } from './errors.ts'
import {
  type ExchangeController,
  type ExchangeHandler,
  type ExchangeRequest,
  type OriginConnection,
  rawHeadersOnly,
  type UploadProgress,
} from './exchange.ts'
import type { ExchangeHost, ExchangePool } from './exchange-host.ts'
import { decideResend, mayMeetClosing } from './failover.ts'
import { headersObject } from './headers-object.ts'

/** Idle limit of answers that are quiet by nature (event streams, camera pictures): one hour. */
export const EVENT_STREAM_IDLE_MS = 3_600_000

const noHeaders: IncomingHttpHeaders = Object.freeze({})

export class RunningExchange implements ExchangeHandler, ExchangeController, BagMember {
  readonly [rawHeadersOnly] = true
  bagIndex = -1
  readonly request: ExchangeRequest
  rawHeaders: string[] | null = null
  rawTrailers: string[] | null = null
  pool: ExchangePool | null = null
  connection: OriginConnection | null = null
  /** `performance.now()` when it began to wait for a connection. */
  queuedAtMs = 0
  /** Attempts that reached a connection, and origins dialled. */
  attempts = 0
  tried: Set<ExchangePool> | null = null
  /** Idle time of the kept connection before it was used for this; 0 on a new one. */
  reusedAfterMs = 0
  readonly #host: ExchangeHost
  readonly #outer: ExchangeHandler
  #inner: Dispatcher.DispatchController | null = null
  #staleResends = 0
  #onKeptConnection = false
  #isAnswered = false
  #isOver = false
  #isPaused = false
  #abortReason: Error | null = null
  #startedMs = 0
  #sentMs = 0
  #progressMs = 0
  #idleLimitMs: number
  #written = 0
  /** Of the running attempt; 0 and null before its head. */
  #status = 0
  #headMs: number | null = null
  #inFlight = 0

  constructor(host: ExchangeHost, request: ExchangeRequest, outer: ExchangeHandler) {
    this.#host = host
    this.request = request
    this.#outer = outer
    this.#idleLimitMs = host.idleTimeoutMs
  }

  /** It is sent again when its kept connection closes on it. */
  get isRepeatable(): boolean {
    return mayMeetClosing(this.request.method, this.request.body !== null)
  }

  start(): void {
    this.#outer.onRequestStart?.(this, {})
    if (this.#abortReason !== null) return this.#finish(this.#abortReason)
    if (!this.#host.assign(this)) this.#finish(upstreamFailure('noOrigin', true))
  }

  /** It is not even tried. The caller learns it later, as of every failure. */
  refuse(kind: FailureKind): void {
    this.#outer.onRequestStart?.(this, {})
    process.nextTick(() => this.#finish(this.#abortReason ?? upstreamFailure(kind, true)))
  }

  /** The pool has a connection for it. */
  runOn(connection: OriginConnection, nowMs: number): void {
    this.connection = connection
    this.attempts++
    this.#onKeptConnection = connection.used
    this.#startedMs = nowMs
    this.#sentMs = 0
    this.#progressMs = nowMs
    this.#written = 0
    this.#status = 0
    this.#headMs = null
    this.#inFlight = this.pool?.crowding ?? 0
    connection.dispatch(this.request, this)
  }

  /** No connection could be had, or a limit in front of it was reached. */
  fail(kind: FailureKind): void {
    this.failWith(upstreamFailure(kind, this.connection === null))
  }

  failWith(failure: Error): void {
    if (this.#inner !== null) this.#inner.abort(failure)
    else this.onResponseError(this, failure)
  }

  // The controller that the caller holds.

  get aborted(): boolean {
    return this.#abortReason !== null
  }

  get reason(): Error | null {
    return this.#abortReason
  }

  get paused(): boolean {
    return this.#isPaused
  }

  abort(reason: Error): void {
    if (this.#isOver || this.#abortReason !== null) return
    this.#abortReason = reason
    if (this.#inner !== null) return this.#inner.abort(reason)
    if (this.pool === null) return
    // Lent a connection that has not begun with it: the pool counts it as running.
    if (this.connection !== null) {
      this.pool.settle(this, 'aborted')
      this.#tell('aborted')
    } else this.pool.leave(this)
    this.#finish(reason)
  }

  pause(): void {
    this.#isPaused = true
    this.#inner?.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#progressMs = performance.now()
    this.#inner?.resume()
  }

  // The handler that the connection calls.

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#isOver) return controller.abort(this.#abortReason ?? upstreamFailure('aborted', true))
    this.#inner = controller
    if (this.#abortReason !== null) controller.abort(this.#abortReason)
  }

  onRequestSent(): void {
    this.#sentMs = performance.now()
    this.#outer.onRequestSent?.()
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    message?: string,
  ): void {
    const now = performance.now()
    this.#progressMs = now
    this.rawHeaders = (controller as ExchangeController).rawHeaders ?? []
    if (status >= 200) {
      this.#isAnswered = true
      // Open for hours, with long silences.
      if (isEndless(contentTypeOf(this.rawHeaders)))
        this.#idleLimitMs = Math.max(this.#idleLimitMs, EVENT_STREAM_IDLE_MS)
      this.#headMs = now - this.#startedMs
      this.#status = status
      this.pool?.countAnswer(status, this.#headMs, now)
      this.#host.answered()
    }
    const given = this.#outer[rawHeadersOnly] === true ? noHeaders : asObject(this.rawHeaders, headers)
    this.#outer.onResponseStart?.(this, status, given, message ?? '')
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#progressMs = performance.now()
    this.#outer.onResponseData?.(this, chunk)
  }

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    if (this.#isOver) return
    this.#isOver = true
    this.rawTrailers = (controller as ExchangeController).rawTrailers
    this.pool?.settle(this, null)
    this.#tell(null)
    try {
      this.#outer.onResponseEnd?.(this, this.#outer[rawHeadersOnly] === true ? noHeaders : trailers)
    } catch (thrown) {
      // undici's own interceptors throw here to say that the answer is not accepted.
      this.#outer.onResponseError?.(this, thrown as Error)
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#isOver) return
    const failure = isUpstreamFailure(error) ? error : null
    this.pool?.settle(this, failure?.kind ?? 'aborted')
    this.#host.failed(failure?.kind ?? 'aborted', this.request.path)
    this.#tell(failure?.kind ?? 'aborted')
    this.#inner = null
    if (failure !== null && this.#abortReason === null && this.#resend(failure)) return
    this.#finish(this.#abortReason ?? error)
  }

  /** Time limits, by the plugin's one sweep: compare, never a timer a request. */
  checkTime(nowMs: number): void {
    if (this.connection === null) return
    if (this.#inner === null) {
      if (nowMs - this.#startedMs > this.#host.headTimeoutMs) this.fail('headTimeout')
    } else if (this.#isAnswered) {
      if (this.#isPaused) this.#progressMs = nowMs
      else if (nowMs - this.#progressMs > this.#idleLimitMs) this.fail('bodyTimeout')
    } else if (this.#sentMs !== 0) {
      if (nowMs - this.#sentMs > this.#host.headTimeoutMs) this.fail('headTimeout')
    } else this.#checkUpload(nowMs, this.connection)
  }

  /** An origin that takes no more of an upload: bytes wait for it and their number does not fall. */
  #checkUpload(nowMs: number, connection: OriginConnection): void {
    const { taken, waiting } = (this.#inner as ExchangeController).uploadProgress?.() ?? socketProgress(connection)
    if (taken !== this.#written || waiting === 0) {
      this.#written = taken
      this.#progressMs = nowMs
    } else if (nowMs - this.#progressMs > this.#idleLimitMs) this.fail('headTimeout')
  }

  #resend(failure: UpstreamFailure): boolean {
    const decision = decideResend({
      kind: failure.kind,
      unsent: failure.unsent,
      // One stream that is reset closes no connection: the origin has seen that request.
      onKeptConnection: this.#onKeptConnection && !this.#isAnswered && this.connection?.capacity === 0,
      method: this.request.method,
      hasBody: this.request.body !== null,
      staleResends: this.#staleResends,
      untriedOrigins: this.#host.originCount - (this.tried?.size ?? 1),
    })
    if (decision.resend === false) return false
    this.connection = null
    if (decision.resend === 'new-connection') {
      this.#staleResends++
      this.tried = null
      this.pool?.closeIdle()
    }
    return this.#host.assign(this)
  }

  /** One record an attempt, for whoever listens. */
  #tell(failure: FailureKind | null): void {
    if (!this.#host.attempts.isHeard) return
    const endedMs = performance.now()
    const wasDialled = this.connection === null
    this.#host.attempts.tell({
      endedMs,
      upstream: this.#host.name,
      origin: this.pool?.address.url ?? '',
      kind: attemptKind(failure, this.#status),
      status: this.#status,
      headMs: this.#headMs,
      ms: wasDialled ? 0 : endedMs - this.#startedMs,
      queueMs:
        (this.request.attempt?.queueMs ?? 0) +
        (wasDialled ? 0 : this.#startedMs - (this.queuedAtMs || this.#startedMs)),
      inFlight: this.#inFlight,
      number: this.request.attempt?.number ?? this.attempts,
      isHedge: this.request.attempt?.isHedge ?? false,
      isLongHeld: this.#idleLimitMs >= EVENT_STREAM_IDLE_MS,
      incoming: this.request.incoming,
    })
  }

  #finish(error: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#outer.onResponseError?.(this, error)
  }
}

function socketProgress({ socket }: OriginConnection): UploadProgress {
  const waiting = socket.writableLength
  return { taken: socket.bytesWritten - waiting, waiting }
}

/** What the connection has made already, or the lines as an object. */
function asObject(rawHeaders: readonly string[], known: IncomingHttpHeaders): IncomingHttpHeaders {
  for (const _ in known) return known
  return headersObject(rawHeaders)
}
