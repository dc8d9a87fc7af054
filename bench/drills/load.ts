/** Visitors who come at a steady rate, whatever becomes of those before them; each on a connection of its own. */
import http from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

export interface Visit {
  readonly method: string
  /** 0 where no head of an answer came. */
  readonly status: number
  /** Head, and a body as long as it was announced. */
  readonly isWhole: boolean
  readonly bytes: number
  readonly startedMs: number
  readonly ms: number
}

export interface VisitOptions {
  readonly method?: string
  readonly path?: string
  readonly body?: string
  /** The visitor leaves after this time. */
  readonly patienceMs?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Address of the visitor, on loopback. */
  readonly from?: string
}

/** One request; never rejects. */
export function visit(port: number, options: VisitOptions = {}): Promise<Visit> {
  const { method = 'GET', path = '/', body, patienceMs = 30_000, headers = {}, from } = options
  const startedMs = performance.now()
  const { promise, resolve } = Promise.withResolvers<Visit>()
  let status = 0
  let bytes = 0
  const end = (isWhole: boolean) => {
    clearTimeout(timer)
    resolve({ method, status, isWhole, bytes, startedMs, ms: performance.now() - startedMs })
  }
  const place = { port, host: '127.0.0.1', ...(from === undefined ? {} : { localAddress: from }) }
  const request = http.request({ ...place, method, path, agent: false, headers }, response => {
    status = response.statusCode ?? 0
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    response.on('close', () => end(response.complete))
    response.on('error', () => {})
  })
  request.on('error', () => {
    if (status === 0) end(false)
  })
  const timer = setTimeout(() => request.destroy(), patienceMs)
  request.end(body)
  return promise
}

/** `rate` visits a second for `ms`, open loop; all of them, when the last one is over. */
export async function visitors(port: number, rate: number, ms: number, options: VisitOptions = {}): Promise<Visit[]> {
  const visits: Promise<Visit>[] = []
  const startedMs = performance.now()
  for (let i = 0; i < (rate * ms) / 1000; i++) {
    const dueMs = startedMs + (i * 1000) / rate
    const waitMs = dueMs - performance.now()
    if (waitMs > 0) await delay(waitMs)
    visits.push(visit(port, options))
  }
  return Promise.all(visits)
}

export function isGood(visited: Visit): boolean {
  return visited.isWhole && visited.status >= 200 && visited.status < 400
}

export function failed(visits: readonly Visit[]): number {
  return visits.filter(visited => !isGood(visited)).length
}

export function worstMs(visits: readonly Visit[]): number {
  return Math.round(Math.max(0, ...visits.map(({ ms }) => ms)))
}

export function quantileMs(visits: readonly Visit[], q: number): number {
  const sorted = visits.map(({ ms }) => ms).toSorted((a, b) => a - b)
  return Math.round(sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? 0)
}
