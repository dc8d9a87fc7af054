/**
 * The apps behind the gateway while it is soaked: their bodies follow from the address, so that every answer can be
 * checked; two of them die and come back, one never does.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'

const HEARTBEAT_MS = 500

/** The bytes of an address: the same in every app and in the check. */
export function bodyFor(path: string, length: number): Buffer {
  const seed = createHash('sha256').update(path).digest('hex')
  return Buffer.from(seed.repeat(Math.ceil(length / seed.length)).slice(0, length))
}

/** `/page/7/2048` = 2,048 bytes that belong to it. */
function lengthIn(path: string): number {
  return Number(path.split('/').at(-1)) || 0
}

/** An outage as the judge needs it, by `performance.now()`. */
export interface Outage {
  readonly fromMs: number
  untilMs: number
}

export class App {
  readonly outages: Outage[] = []
  /** How often each marked POST has reached an app. */
  readonly posts: Map<string, number>
  #server: Server | null = null
  #port = 0

  /** `posts` is shared by the apps of one group: a POST must reach at most one of them. */
  constructor(posts: Map<string, number> = new Map()) {
    this.posts = posts
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  async open(): Promise<void> {
    const server = createServer((request, response) => this.#answer(request, response))
    const sockets = new WebSocketServer({ server })
    sockets.on('connection', socket =>
      socket.on('message', (bytes, isBinary) => socket.send(bytes, { binary: isBinary })),
    )
    server.keepAliveTimeout = 2_000
    server.listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  /** Dies with everything that runs, and comes back on the same port. */
  async restart(awayMs: number): Promise<void> {
    const outage = { fromMs: performance.now(), untilMs: Number.POSITIVE_INFINITY }
    this.outages.push(outage)
    this.close()
    await new Promise(resolve => setTimeout(resolve, awayMs))
    await this.open()
    outage.untilMs = performance.now()
  }

  close(): void {
    this.#server?.closeAllConnections()
    this.#server?.close()
    this.#server = null
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    response.on('error', () => {})
    const path = request.url ?? '/'
    if (path.startsWith('/events')) this.#stream(response)
    else if (request.method === 'POST') this.#take(request, response)
    else this.#give(path, request, response)
  }

  #give(path: string, { headers }: IncomingMessage, response: ServerResponse): void {
    const body = bodyFor(path, lengthIn(path))
    response.setHeader('content-type', 'application/octet-stream')
    response.setHeader('etag', `"${body.subarray(0, 16)}"`)
    response.setHeader('cache-control', path.startsWith('/cached') ? 'max-age=2, stale-while-revalidate=4' : 'no-store')
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? []
    if (from === undefined) return void response.end(body)
    const part = body.subarray(Number(from), Number(to) + 1)
    response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${body.length}` }).end(part)
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const mark = request.headers['x-mark'] as string
    this.posts.set(mark, (this.posts.get(mark) ?? 0) + 1)
    const hash = createHash('sha256')
    request.on('data', chunk => hash.update(chunk))
    request.on('end', () => response.end(hash.digest('hex')))
  }

  #stream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const beat = setInterval(() => response.write('data: beat\n\n'), HEARTBEAT_MS)
    response.on('close', () => clearInterval(beat))
  }
}
