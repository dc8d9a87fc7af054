/** An app that counts for itself what it was asked and what it answered, route by route. */
import { once } from 'node:events'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export const TEXT = 'counted words and words '.repeat(300)
const BYTES = Buffer.alloc(3000, 7)
/** Announced, and sent before an answer breaks off. */
const CUT = { announced: 5000, sent: 1000 }

export interface OriginCount {
  requests: number
  bytesIn: number
  /** By the first digit of their status. */
  answers: Record<string, number>
}

export class CountingOrigin {
  readonly counts: Record<string, OriginCount> = {}
  /** Called when a request that will not be answered has come. */
  readonly onSilent = new Map<string, () => void>()
  readonly #server = http.createServer((request, response) => this.#answer(request, response))

  async open(): Promise<string> {
    // A kept connection that is closed under a request is another test's.
    this.#server.keepAliveTimeout = 0
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const [, route = '', rest = ''] = (request.url ?? '').split('/')
    this.counts[route] ??= { requests: 0, bytesIn: 0, answers: {} }
    const count = this.counts[route]
    count.requests++
    request.on('data', chunk => {
      count.bytesIn += chunk.length
    })
    request.on('end', () => {
      if (route === 'silent') return this.onSilent.get(rest)?.()
      const status = route === 'failing' ? 500 : route === 'missing' ? 404 : 200
      const key = `${String(status)[0]}xx`
      count.answers[key] = (count.answers[key] ?? 0) + 1
      send(route, rest, status, response)
    })
  }
}

function send(route: string, rest: string, status: number, response: ServerResponse): void {
  const text = { 'Content-Type': 'text/plain', 'Cache-Control': route === 'kept' ? 'max-age=3600' : 'no-store' }
  if (route === 'cut' && rest.endsWith('0')) {
    response.writeHead(200, { 'Content-Length': CUT.announced })
    response.write(BYTES.subarray(0, CUT.sent), () => response.destroy())
  } else if (route === 'leave') {
    response.writeHead(200, { ...text, 'Content-Length': 1_000_000 })
    response.write(BYTES)
  } else if (route === 'bytes' || route === 'cut') {
    response.writeHead(status, { 'Content-Type': 'application/octet-stream', 'Cache-Control': 'no-store' }).end(BYTES)
  } else if (route === 'stream') {
    response.writeHead(status, text)
    response.write(TEXT)
    setImmediate(() => response.end(TEXT))
  } else response.writeHead(status, { ...text, 'Content-Length': TEXT.length }).end(TEXT)
}
