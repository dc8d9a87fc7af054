/**
 * A group as an undici Dispatcher, for everybody who knows that interface: undici's own `request` and interceptors,
 * a plain @fastify/reply-from or @fastify/http-proxy in somebody else's app.
 */
import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { upstreamFailure } from './errors.ts'
import type { ExchangeHandler, ExchangeRequest } from './exchange.ts'
import { undici } from './lazy-undici.ts'

/** Fields that frame or belong to one hop: the connection writes its own (RFC 9110 §7.6.1, RFC 9112 §6). */
const dropped = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
])

type Send = (request: ExchangeRequest, handler: ExchangeHandler) => void

let groupDispatcher: ReturnType<typeof defineClass> | null = null

/** `send` finds the group for each request, so that a reload reaches dispatchers that were handed out before. */
export function dispatcherOver(send: Send): Dispatcher {
  groupDispatcher ??= defineClass()
  return new groupDispatcher(send)
}

/** With the first dispatcher that is asked for: undici's class must be there to be extended. */
function defineClass() {
  return class GroupDispatcher extends undici().Dispatcher {
    readonly #send: Send

    constructor(send: Send) {
      super()
      this.#send = send
    }

    override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
      if (options.upgrade || options.method === 'CONNECT') {
        throw upstreamFailure('invalid', true, new Error('upgrades take app.upstream.connect'))
      }
      this.#send(toExchangeRequest(options), handler as ExchangeHandler)
      return true
    }

    /** The pools belong to the plugin; closing a dispatcher closes nothing. */
    override close(done?: () => void): Promise<void> {
      done?.()
      return Promise.resolve()
    }

    override destroy(...rest: unknown[]): Promise<void> {
      const done = rest.at(-1)
      if (typeof done === 'function') done()
      return Promise.resolve()
    }
  }
}

function toExchangeRequest(options: Dispatcher.DispatchOptions): ExchangeRequest {
  const { headers, length } = flatHeaders(options)
  const body = toBody(options.body)
  const bodyLength = Buffer.isBuffer(body) ? body.length : length
  return { method: options.method, path: options.path, headers, body, bodyLength }
}

function flatHeaders(options: Dispatcher.DispatchOptions): { headers: string[]; length: number | null } {
  const headers: string[] = []
  let length: number | null = null
  let hasHost = false
  for (const [name, value] of headerLines(options.headers)) {
    const lower = name.toLowerCase()
    if (lower === 'content-length') length = Number(value)
    if (lower === 'host') hasHost = true
    if (!dropped.has(lower)) headers.push(name, value)
  }
  if (!hasHost) headers.unshift('host', new URL(String(options.origin ?? 'http://localhost')).host)
  return { headers, length }
}

function* headerLines(headers: Dispatcher.DispatchOptions['headers']): Iterable<[string, string]> {
  if (headers === null || headers === undefined) return
  if (Array.isArray(headers) && typeof headers[0] === 'string') {
    for (let i = 0; i < headers.length; i += 2) yield [headers[i] as string, String(headers[i + 1])]
    return
  }
  const entries = Symbol.iterator in headers ? headers : Object.entries(headers)
  for (const [name, value] of entries as Iterable<[string, string | string[] | undefined]>) {
    if (value === undefined || value === null) continue
    for (const line of Array.isArray(value) ? value : [value]) yield [name, String(line)]
  }
}

function toBody(body: Dispatcher.DispatchOptions['body']): Readable | Buffer | null {
  if (body === null || body === undefined || body === '') return null
  if (typeof body === 'string') return Buffer.from(body)
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  if (body instanceof Readable) return body
  return Readable.from(body as unknown as AsyncIterable<Uint8Array>)
}
