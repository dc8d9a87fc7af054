/**
 * A bare Fastify app with `upstream`, `proxy` and `cache` before one origin whose every answer a test writes by hand:
 * requests that reach the origin are taken one by one and answered when and as the test wants.
 */
import { createHash } from 'node:crypto'
import net, { type AddressInfo, type Socket } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { type CacheFunctions, type CacheOptions, cache } from '../../../plugins/cache/index.ts'
import { type ProxyOptions, proxy } from '../../../plugins/proxy/index.ts'
import { type UpstreamGroupInput, upstream } from '../../../plugins/upstream/index.ts'
import { exchange, type RawAnswer, RawClient } from '../../support/raw-client.ts'
import { type RawOrigin, rawOrigin } from '../../support/raw-origin.ts'
import { Ask, type Fields } from './ask.ts'

export { Ask, type Fields }

export interface Teardown {
  teardown(fn: () => unknown): void
}

export interface RigOptions {
  readonly cache?: Partial<CacheOptions> & CacheFunctions
  readonly proxy?: Partial<ProxyOptions>
  readonly group?: Partial<UpstreamGroupInput>
  /** Options of the Fastify server, for TLS and HTTP/2. */
  readonly server?: object
  /** Answers all requests; without it a test takes them with `next`. */
  readonly answer?: (ask: Ask) => void
  readonly prepare?: (app: FastifyInstance) => void
}

/** For bodies too large to be kept: the head's text and the number of all bytes. */
export class Counter {
  readonly socket: Socket
  received = 0
  head = ''

  constructor(port: number, request: string) {
    this.socket = net.connect(port, '127.0.0.1').on('error', () => {})
    this.socket.write(request)
    this.socket.on('data', chunk => {
      this.received += chunk.length
      if (!this.head.includes('\r\n\r\n')) this.head += chunk.toString('latin1')
    })
  }

  /** Bytes behind the head; with chunked framing, that too. */
  get body(): number {
    const end = this.head.indexOf('\r\n\r\n')
    return end === -1 ? 0 : this.received - end - 4
  }

  close(): void {
    this.socket.destroy()
  }
}

export class Rig {
  readonly app: FastifyInstance
  readonly origin: RawOrigin
  readonly #waiting: Ask[]

  constructor(app: FastifyInstance, origin: RawOrigin, waiting: Ask[]) {
    this.app = app
    this.origin = origin
    this.#waiting = waiting
  }

  get port(): number {
    return (this.app.server.address() as AddressInfo).port
  }

  /** Requests that have reached the origin. */
  get asked(): number {
    return this.origin.requests.length
  }

  /** The next request at the origin that was not taken yet. */
  async next(ms = 3_000): Promise<Ask> {
    await until(() => this.#waiting.length > 0, ms, 'no request at the origin')
    return this.#waiting.shift() as Ask
  }

  /** A client that has sent a request and waits. */
  open(target = '/x', fields: Fields = {}, method = 'GET', body = ''): RawClient {
    return new RawClient(this.port).send(requestText(target, fields, method, body))
  }

  /** A client that counts what it is sent and keeps nothing of it. */
  count(target = '/x', fields: Fields = {}): Counter {
    return new Counter(this.port, requestText(target, fields))
  }

  /** One request, answered. */
  get(target = '/x', fields: Fields = {}, method = 'GET', body = ''): Promise<RawAnswer> {
    return exchange(this.port, requestText(target, fields, method, body), method)
  }

  /** A request's answer, with the origin's help if it is asked. */
  async answered(got: Promise<RawAnswer>, help: (ask: Ask) => unknown): Promise<RawAnswer> {
    let isOver = false
    void got
      .catch(() => {})
      .finally(() => {
        isOver = true
      })
    await until(() => isOver || this.#waiting.length > 0, 5_000, 'neither an answer nor a request at the origin')
    const ask = isOver ? undefined : this.#waiting.shift()
    if (ask !== undefined) await help(ask)
    return got
  }

  /** One request whose answer by the origin is given with it. */
  async store(fields: Fields, body: string | Buffer = 'stored', target = '/x'): Promise<RawAnswer> {
    const got = this.get(target)
    const ask = await this.next()
    ask.answer(200, fields, body)
    return got
  }

  /** Until so many requests are in fills, leaders counted. */
  async whenWaiting(count: number): Promise<void> {
    await until(async () => (await this.app.cache.stats()).waiters === count, 3_000, `never ${count} waiters`)
  }

  async entries(): Promise<number> {
    return (await this.app.cache.stats()).store.entries
  }

  /** Until the store holds so many answers. */
  async whenStored(count = 1): Promise<void> {
    await until(async () => (await this.entries()) === count, 3_000, `never ${count} entries`)
  }

  /** Until no fill runs. */
  async whenQuiet(ms = 3_000): Promise<void> {
    await until(async () => (await this.app.cache.stats()).fills === 0, ms, 'a fill still runs')
  }
}

export function requestText(target: string, fields: Fields = {}, method = 'GET', body = ''): string {
  const own = Object.keys(fields).some(name => name.toLowerCase() === 'host') ? '' : 'Host: app.test\r\n'
  const length = body === '' ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${target} HTTP/1.1\r\n${own}${length}${lines.join('')}\r\n${body}`
}

export async function rig(t: Teardown, options: RigOptions = {}): Promise<Rig> {
  const waiting: Ask[] = []
  const origin = await rawOrigin((request, socket) => {
    const ask = new Ask(request, socket)
    if (options.answer === undefined) waiting.push(ask)
    else void request.complete.then(() => options.answer?.(ask)).catch(() => {})
  })
  t.teardown(() => origin.close())
  const app = Fastify({ forceCloseConnections: true, maxRequestsPerSocket: 0, ...options.server } as object)
  const group = { minSize: 0, ...options.group, origins: [{ url: origin.url }] } as UpstreamGroupInput
  await app.register(upstream, { upstreams: { app: group } })
  options.prepare?.(app)
  await app.register(proxy, { upstream: 'app', direct: true, ...options.proxy })
  await app.register(cache, { ...options.cache })
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  return new Rig(app, origin, waiting)
}

/** Resolves when the condition holds; looks again after each turn of the sockets. */
export async function until(holds: () => boolean | Promise<boolean>, ms = 3_000, what = 'never'): Promise<void> {
  const deadline = Date.now() + ms
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`${what} (${ms} ms)`)
    await new Promise(wake => setTimeout(wake, 2))
  }
}

/** Whether nothing more reaches the origin for a while: what cannot be awaited is given this time to be wrong. */
export async function staysAt(count: () => number, expected: number, ms = 150): Promise<boolean> {
  const deadline = Date.now() + ms
  while (Date.now() < deadline) {
    if (count() !== expected) return false
    await new Promise(wake => setTimeout(wake, 5))
  }
  return count() === expected
}

/** The members of the gateway's own Cache-Status line. */
export function statusOf({ headers }: Pick<RawAnswer, 'headers'>): string {
  return headers['cache-status']?.split('\n').at(-1) ?? ''
}

/** Bytes of which every position is known. */
export function pattern(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i += 4) bytes.writeUInt32LE(i, Math.min(i, length - 4))
  return bytes
}

export async function whenClosed(socket: Socket, ms: number): Promise<void> {
  // A reset is a close as well.
  await until(() => socket.closed, ms, 'the connection is still open')
}

/** Stale on arrival, with every window that a test asks for. */
export function stale(more = '', fields: Fields = {}): Fields {
  return { 'Cache-Control': `max-age=60${more === '' ? '' : `, ${more}`}`, Age: 61, ETag: '"v1"', ...fields }
}

export const fresh = (fields: Fields = {}): Fields => ({ 'Cache-Control': 'max-age=600', ETag: '"v1"', ...fields })

export function openMany(t: Teardown, app: Rig, count: number, fields: Fields = {}): RawClient[] {
  const clients = Array.from({ length: count }, () => app.open('/x', fields))
  t.teardown(() => {
    for (const client of clients) client.close()
  })
  return clients
}

export const answers = (clients: readonly RawClient[], ms = 5_000): Promise<RawAnswer[]> =>
  Promise.all(clients.map(client => client.answer('GET', ms)))

/** The tag that a body has on every gateway and after every restart. */
export function tagOf(body: string | Buffer): string {
  return `W/"${createHash('sha1').update(body).digest('base64url').slice(0, 22)}"`
}
