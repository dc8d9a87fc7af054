/** Clients that count for themselves what they sent and what they got, by the route that they asked. */
import http from 'node:http'
import type { CountingOrigin } from './origin.ts'

export interface ClientCount {
  requests: number
  /** By the first digit of the status; `none` where there was no head. */
  statuses: Record<string, number>
  bytesIn: number
  bytesOut: number
  left: number
  cut: number
}

interface Kind {
  readonly route: string
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: number
  /** Breaks off when this has happened. */
  readonly leaves?: 'at-first-byte' | 'unanswered'
  /** Addresses that it asks for; as many as requests without it. */
  readonly addresses?: number
}

/** Both ways out, stored answers, errors of everybody, answers that break off and clients that leave. */
export const kinds: readonly Kind[] = [
  { route: 'bytes' },
  { route: 'bytes', method: 'HEAD' },
  { route: 'text', headers: { 'Accept-Encoding': 'gzip' } },
  { route: 'text' },
  { route: 'stream', headers: { 'Accept-Encoding': 'br' } },
  { route: 'stream' },
  { route: 'kept', addresses: 40 },
  { route: 'kept', addresses: 40 },
  { route: 'kept', addresses: 40, headers: { 'Accept-Encoding': 'gzip' } },
  { route: 'post', method: 'POST', body: 700 },
  { route: 'post', method: 'PUT', body: 40_000 },
  { route: 'missing' },
  { route: 'failing', method: 'POST', body: 10 },
  { route: 'closed' },
  { route: 'cut', method: 'POST', body: 10 },
  { route: 'leave', leaves: 'at-first-byte' },
  { route: 'silent', leaves: 'unanswered' },
]

export class Visitors {
  readonly counts: Record<string, ClientCount> = {}
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 64 })
  readonly #port: number
  readonly #origin: CountingOrigin

  constructor(port: number, origin: CountingOrigin) {
    this.#port = port
    this.#origin = origin
  }

  /** Sends requests of every kind in turn, `atOnce` of them at a time. */
  async visit(total: number, atOnce: number): Promise<void> {
    let next = 0
    const visitor = async () => {
      for (let i = next++; i < total; i = next++) await this.#ask(kinds[i % kinds.length] as Kind, i)
    }
    await Promise.all(Array.from({ length: atOnce }, visitor))
    this.#agent.destroy()
  }

  #ask(kind: Kind, number: number): Promise<void> {
    const { route, method = 'GET', headers = {}, body = 0, leaves, addresses } = kind
    this.counts[route] ??= { requests: 0, statuses: {}, bytesIn: 0, bytesOut: 0, left: 0, cut: 0 }
    const count = this.counts[route]
    count.requests++
    count.bytesOut += body
    const rest = addresses === undefined ? Math.floor(number / kinds.length) : number % addresses
    const id = `${number}-${rest}`
    const path = `/${route}/${addresses === undefined ? id : rest}`
    const options = { port: this.#port, host: '127.0.0.1', agent: this.#agent, method, path, headers }
    return new Promise(resolve => {
      const asking = http.request(options)
      let status = 'none'
      const end = (how?: 'left' | 'cut') => {
        this.#origin.onSilent.delete(id)
        if (how !== undefined) count[how]++
        count.statuses[status] = (count.statuses[status] ?? 0) + 1
        resolve()
      }
      const leave = () => void asking.destroy()
      if (leaves === 'unanswered') this.#origin.onSilent.set(id, leave)
      asking.on('error', () => end(leaves === undefined ? 'cut' : 'left'))
      asking.on('response', response => {
        status = `${String(response.statusCode)[0]}xx`
        asking.removeAllListeners('error').on('error', () => {})
        response.on('data', chunk => {
          count.bytesIn += chunk.length
          if (leaves === 'at-first-byte') leave()
        })
        response.on('error', () => {})
        response.on('close', () => end(response.complete ? undefined : leaves === undefined ? 'cut' : 'left'))
      })
      asking.end(body === 0 ? undefined : Buffer.alloc(body, 1))
    })
  }
}
