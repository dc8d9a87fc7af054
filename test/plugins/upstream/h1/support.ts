/** Real sockets for the tests of the HTTP/1.1 connection: a scripted origin, a connection to it, a handler that records. */
import { once } from 'node:events'
import net from 'node:net'
import { isUpstreamFailure } from '../../../../plugins/upstream/errors.ts'
import type {
  ExchangeController,
  ExchangeHandler,
  ExchangeRequest,
  OriginConnection,
} from '../../../../plugins/upstream/exchange.ts'
import { H1Connection, type H1ConnectionOptions, Landing } from '../../../../plugins/upstream/h1/index.ts'

interface Teardown {
  teardown(fn: () => unknown): void
}

export type Script = (socket: net.Socket, request: string) => void

export interface Origin {
  readonly port: number
  /** Sockets accepted so far, in order. */
  readonly sockets: net.Socket[]
  /** Everything received, one string a socket. */
  readonly received: string[]
}

/** An origin that calls `script` for each piece that it receives. */
export async function startOrigin(t: Teardown, script: Script, options: net.ServerOpts = {}): Promise<Origin> {
  const sockets: net.Socket[] = []
  const received: string[] = []
  const server = net.createServer(options, socket => {
    const index = sockets.push(socket) - 1
    received.push('')
    socket.on('error', () => {})
    socket.on('data', piece => {
      received[index] += piece.toString('latin1')
      script(socket, piece.toString('latin1'))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as net.AddressInfo).port, sockets, received }
}

/** An origin that answers every piece that it receives with the same bytes, and then does `after`. */
export function answering(t: Teardown, answer: string, after?: (socket: net.Socket) => void): Promise<Origin> {
  return startOrigin(t, socket => {
    socket.write(answer, 'latin1')
    after?.(socket)
  })
}

export interface Connected {
  readonly connection: H1Connection
  readonly socket: net.Socket
  /** What the pool was told, in order: `free`, `free 5000`, `gone`, `gone idle`. */
  readonly told: string[]
  readonly gone: Promise<boolean>
}

export async function connect(
  t: Teardown,
  port: number,
  options: Partial<H1ConnectionOptions> & { onFree?: (connection: OriginConnection) => void } = {},
  given: net.Socket | null = null,
): Promise<Connected> {
  // A plain socket's bytes land as in a pool; one that is given has a stream, as TLS has.
  const landing = given === null ? new Landing() : null
  const socket =
    given ?? net.connect({ port, host: '127.0.0.1', noDelay: true, onread: landing?.onread as net.OnReadOpts })
  if (socket.connecting) await once(socket, 'connect')
  t.teardown(() => socket.destroy())
  const told: string[] = []
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const { onFree, ...rest } = options
  const connection = new H1Connection(socket, {
    ...rest,
    landing,
    events: {
      onFree(free, hint) {
        told.push(hint === null ? 'free' : `free ${hint}`)
        onFree?.(free)
      },
      onGone(_connection, idle) {
        told.push(idle ? 'gone idle' : 'gone')
        resolve(idle)
      },
    },
  })
  return { connection, socket, told, gone: promise }
}

export interface Outcome {
  /** Order of the callbacks: `start`, `sent`, `head 200`, `data`, `end`, `error`. */
  readonly calls: string[]
  status: number
  message: string
  rawHeaders: string[]
  headers: Record<string, unknown>
  body: string
  rawTrailers: string[] | null
  trailers: Record<string, unknown>
  /** Kind of the failure, the message of another error, or null. */
  failure: string | null
  unsent: boolean | null
  error: Error | null
}

export type Recorder = ExchangeHandler & {
  readonly outcome: Outcome
  readonly done: Promise<Outcome>
  controller: ExchangeController | null
}

/** A handler that records; `extra` are callbacks called after the recording. */
export function recorder(extra: ExchangeHandler = {}): Recorder {
  const { promise, resolve } = Promise.withResolvers<Outcome>()
  const outcome: Outcome = {
    calls: [],
    status: 0,
    message: '',
    rawHeaders: [],
    headers: {},
    body: '',
    rawTrailers: null,
    trailers: {},
    failure: null,
    unsent: null,
    error: null,
  }
  const handler: Recorder = {
    ...extra,
    outcome,
    done: promise,
    controller: null,
    onRequestStart(controller, context) {
      handler.controller = controller as ExchangeController
      outcome.calls.push('start')
      extra.onRequestStart?.(controller, context)
    },
    onRequestSent() {
      outcome.calls.push('sent')
      extra.onRequestSent?.()
    },
    onResponseStart(controller, status, headers, message) {
      outcome.calls.push(`head ${status}`)
      outcome.status = status
      outcome.message = message ?? ''
      outcome.headers = headers
      outcome.rawHeaders = (controller as ExchangeController).rawHeaders ?? []
      extra.onResponseStart?.(controller, status, headers, message)
    },
    onResponseData(controller, chunk) {
      if (outcome.calls.at(-1) !== 'data') outcome.calls.push('data')
      outcome.body += chunk.toString('latin1')
      extra.onResponseData?.(controller, chunk)
    },
    onResponseEnd(controller, trailers) {
      outcome.calls.push('end')
      outcome.trailers = trailers
      outcome.rawTrailers = (controller as ExchangeController).rawTrailers
      resolve(outcome)
      extra.onResponseEnd?.(controller, trailers)
    },
    onResponseError(controller, error) {
      outcome.calls.push('error')
      outcome.failure = isUpstreamFailure(error) ? error.kind : error.message
      outcome.unsent = isUpstreamFailure(error) ? error.unsent : null
      outcome.error = error
      resolve(outcome)
      extra.onResponseError?.(controller, error)
    },
  }
  return handler
}

export function get(path = '/', method = 'GET'): ExchangeRequest {
  return { method, path, headers: ['Host', 'origin.test'], body: null, bodyLength: null }
}

export function post(body: ExchangeRequest['body'], bodyLength: number | null): ExchangeRequest {
  return { method: 'POST', path: '/up', headers: ['Host', 'origin.test'], body, bodyLength }
}

/** Runs one request and waits for its end. */
export async function exchange(
  connection: OriginConnection,
  request: ExchangeRequest = get(),
  extra: ExchangeHandler = {},
): Promise<Outcome> {
  const handler = recorder(extra)
  connection.dispatch(request, handler)
  return handler.done
}

/** Resolves when the socket has received `count` bytes in all. */
export async function receivedBytes(socket: net.Socket, count: number): Promise<void> {
  while (socket.bytesRead < count && !socket.destroyed) await turn()
}

/** A turn of the event loop, so that whatever is already due has happened. */
export function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
