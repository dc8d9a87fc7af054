/**
 * A bare app with admission in front of an origin whose answers the test holds back, on real sockets.
 */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { type AdmissionInput, admission, type LaneSnapshot } from '../../../plugins/admission/index.ts'
import { contractOf, type Tunable } from '../../../plugins/contract/index.ts'
import { proxy } from '../../../plugins/proxy/index.ts'
import { upstream } from '../../../plugins/upstream/index.ts'

interface Teardown {
  teardown(fn: () => unknown): void
}

/** A request that the origin has and has not answered. */
export interface Held {
  readonly path: string
  readonly response: http.ServerResponse
  answer(): void
}

export interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
  readonly ms: number
}

export interface Asked {
  readonly answer: Promise<Answer>
  leave(): void
}

export interface Rig {
  readonly app: FastifyInstance
  /** In the order of their arrival. */
  readonly held: Held[]
  ask(path: string, options?: { headers?: Record<string, string>; agent?: http.Agent; localAddress?: string }): Asked
  /** Resolves when the origin holds `count` requests. */
  holds(count: number): Promise<void>
  /** Resolves when `count` requests wait. */
  waits(count: number): Promise<void>
  lane(): LaneSnapshot
  tunable(name: string): Tunable
  shed(reason: string): number
}

export async function startRig(t: Teardown, options: AdmissionInput = {}): Promise<Rig> {
  const held: Held[] = []
  const origin = http.createServer((request, response) => {
    const answer = () => void response.end(`answer to ${request.url}`)
    held.push({ path: request.url ?? '', response, answer })
  })
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  t.teardown(() => {
    origin.closeAllConnections()
    origin.close()
  })
  const url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`
  const app = Fastify({ forceCloseConnections: true })
  await app.register(upstream, { upstreams: { app: { origins: [{ url }], minSize: 0 } } })
  await app.register(admission, options)
  await app.register(proxy, { upstream: 'app', direct: true })
  await app.listen({ port: 0, host: '0.0.0.0' })
  t.teardown(() => app.close())
  const { port } = app.server.address() as AddressInfo
  const { signals, tunables } = contractOf(app)
  const lane = () => [...app.admission.snapshot()][0] as LaneSnapshot
  return {
    app,
    held,
    ask: (path, rest = {}) => ask(`http://127.0.0.1:${port}${path}`, rest),
    holds: count => until(() => held.length >= count),
    waits: count => until(() => (lane()?.waiting ?? 0) === count),
    lane,
    tunable: name => tunables.find('app', name) as Tunable,
    shed: reason => {
      const signal = [...signals.numbers()].find(({ spec }) => spec.name === 'admission_shed_total')
      return signal?.with('app', reason).value ?? 0
    },
  }
}

function ask(url: string, options: http.RequestOptions): Asked {
  const startedMs = performance.now()
  const request = http.get(url, { agent: false, ...options })
  const answer = (async () => {
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    let body = ''
    for await (const chunk of response) body += chunk
    return { status: response.statusCode ?? 0, headers: response.headers, body, ms: performance.now() - startedMs }
  })()
  answer.catch(() => {})
  return { answer, leave: () => void request.destroy() }
}

/** Looks again each turn of the event loop; the test's own time limit ends it. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(resolve => setImmediate(resolve))
}
