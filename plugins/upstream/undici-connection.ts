/**
 * undici as one HTTP/1.1 connection, where the configuration asks for it. The transport is dialled by our own connector,
 * so that name resolution, pins and time limits are the same for both clients.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Client, Dispatcher } from 'undici'
import type { Transport } from './connector.ts'
import { type FailureKind, isUpstreamFailure, upstreamFailure } from './errors.ts'
import type {
  ConnectionEvents,
  ExchangeController,
  ExchangeHandler,
  ExchangeRequest,
  OriginConnection,
} from './exchange.ts'
import { undici } from './lazy-undici.ts'

/** Largest head of an answer, as on our own connection. */
const MAX_HEAD_BYTES = 65_536

export interface UndiciConnectionOptions {
  /** `http://authority` or `https://authority`. */
  readonly origin: string
  readonly events: ConnectionEvents
}

export class UndiciConnection implements OriginConnection {
  readonly bornMs = performance.now()
  readonly socket: Transport
  readonly #client: Client
  readonly #origin: string
  readonly #events: ConnectionEvents
  #inFlight = 0
  #served = false
  #closing = false
  #gone = false

  constructor(transport: Transport, options: UndiciConnectionOptions) {
    this.socket = transport
    this.#origin = options.origin
    this.#events = options.events
    this.#client = new (undici().Client)(options.origin, clientOptions(handOver(transport)))
    this.#client.on('disconnect', () => this.#end())
    transport.once('close', () => this.#end())
  }

  get capacity(): number {
    return this.#closing || this.#gone ? 0 : 1
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get used(): boolean {
    return this.#served
  }

  dispatch(request: ExchangeRequest, handler: ExchangeHandler): void {
    this.#inFlight++
    const stream = new UndiciExchange(handler, isOk => this.#settle(isOk))
    try {
      this.#client.dispatch(toUndici(this.#origin, request), stream)
    } catch (error) {
      stream.onResponseError(null, error as Error)
    }
  }

  close(): void {
    this.#closing = true
    if (this.#inFlight === 0) this.destroy(upstreamFailure('aborted', true))
  }

  destroy(reason: Error): void {
    this.#client.destroy(reason).catch(() => {})
    this.socket.destroy()
    this.#end()
  }

  #settle(isOk: boolean): void {
    this.#inFlight--
    if (isOk) this.#served = true
    if (this.#gone) return
    if (this.#closing && this.#inFlight === 0) this.destroy(upstreamFailure('aborted', true))
    else if (!this.socket.destroyed) this.#events.onFree(this, null)
  }

  #end(): void {
    if (this.#gone) return
    this.#gone = true
    this.#client.destroy().catch(() => {})
    this.#events.onGone(this, this.#inFlight === 0)
  }
}

function clientOptions(connect: ReturnType<typeof handOver>): Client.Options {
  return {
    allowH2: false,
    connect: connect as unknown as NonNullable<Client.Options['connect']>,
    // The pool watches time; undici's clock would also run while an upload is still on its way (traps T17).
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: 600_000,
    keepAliveMaxTimeout: 600_000,
    keepAliveTimeoutThreshold: 0,
    maxHeaderSize: MAX_HEAD_BYTES,
    pipelining: 1,
  }
}

/** A connector that gives its one socket away once; undici must not dial a second one on its own. */
function handOver(transport: Transport) {
  let given = false
  return (_options: unknown, done: (error: Error | null, socket: Transport | null) => void) => {
    if (given || transport.destroyed) return done(upstreamFailure('reset', true), null)
    given = true
    // undici expects the answer in a later turn, as from a real dial.
    process.nextTick(done, null, transport)
  }
}

function toUndici(origin: string, request: ExchangeRequest): Dispatcher.DispatchOptions {
  const headers = request.headers.slice()
  if (request.bodyLength !== null && request.body !== null) headers.push('content-length', String(request.bodyLength))
  return { origin, path: request.path, method: request.method as Dispatcher.HttpMethod, headers, body: request.body }
}

/** Between undici and our handler: raw heads as flat strings, errors as UpstreamFailure. */
class UndiciExchange implements Dispatcher.DispatchHandler {
  readonly #handler: ExchangeHandler
  readonly #settled: (isOk: boolean) => void
  #isStarted = false
  #isAnswered = false
  #isOver = false

  constructor(handler: ExchangeHandler, settled: (isOk: boolean) => void) {
    this.#handler = handler
    this.#settled = settled
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.#isStarted = true
    this.#handler.onRequestStart?.(controller, context)
  }

  onRequestSent(): void {
    this.#handler.onRequestSent?.()
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    statusMessage?: string,
  ): void {
    if (status >= 200) this.#isAnswered = true
    const raw = controller as ExchangeController
    raw.rawHeaders = flatten(controller.rawHeaders ?? headers)
    this.#handler.onResponseStart?.(controller, status, headers, statusMessage ?? '')
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#handler.onResponseData?.(controller, chunk)
  }

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    if (this.#isOver) return
    this.#isOver = true
    const raw = controller as ExchangeController
    raw.rawTrailers = flatten(controller.rawTrailers ?? trailers)
    this.#handler.onResponseEnd?.(controller, trailers)
    this.#settled(true)
  }

  onResponseError(controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    const failure = isUpstreamFailure(error)
      ? error
      : upstreamFailure(kindOfUndiciError(error, this.#isAnswered), !this.#isStarted, error)
    this.#handler.onResponseError?.(controller as Dispatcher.DispatchController, failure)
    this.#settled(false)
  }
}

function kindOfUndiciError(error: Error, isAnswered: boolean): FailureKind {
  const { errors } = undici()
  if (error instanceof errors.HeadersOverflowError) return 'headTooLarge'
  if (error instanceof errors.HTTPParserError) return 'invalid'
  if (error instanceof errors.ResponseContentLengthMismatchError) return 'incomplete'
  if (error instanceof errors.RequestContentLengthMismatchError) return 'aborted'
  if (error instanceof errors.InvalidArgumentError || error instanceof errors.NotSupportedError) return 'invalid'
  return isAnswered ? 'incomplete' : 'reset'
}

/** Heads from undici are an array of Buffers, or an object where it keeps none. */
function flatten(head: Buffer[] | string[] | IncomingHttpHeaders): string[] {
  if (Array.isArray(head)) return head.map(part => (typeof part === 'string' ? part : part.toString('latin1')))
  const flat: string[] = []
  for (const [name, value] of Object.entries(head)) {
    if (value === undefined) continue
    if (Array.isArray(value)) for (const line of value) flat.push(name, line)
    else flat.push(name, value)
  }
  return flat
}
