/** The upstream plugin alone in a bare app, and requests sent through it by its own seam. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Http2Server } from 'node:http2'
import type { AddressInfo, Server } from 'node:net'
import type { Duplex, Readable } from 'node:stream'
import Fastify, { type FastifyInstance } from 'fastify'
import { contractOf, Journal, resolveOptions, Signals, Tunables } from '../../../plugins/contract/index.ts'
import {
  type ExchangeController,
  type ExchangeHandler,
  type UpstreamGroupOptions,
  Upstreams,
  upstream,
} from '../../../plugins/upstream/index.ts'
import { upstreamGroupSchema } from '../../../plugins/upstream/options.ts'
import type { Lookup } from '../../../plugins/upstream/resolver.ts'
import { answer, type RawOrigin, rawOrigin, type Script } from '../../support/raw-origin.ts'

export interface Teardown {
  teardown(fn: () => unknown): void
}

export type GroupInput = Partial<Omit<UpstreamGroupOptions, 'origins' | 'tls'>> & {
  readonly origins: readonly { readonly url: string; readonly weight?: number }[]
  readonly tls?: Partial<UpstreamGroupOptions['tls']>
}

/** An app with one group, `app`, whose pools keep nothing warm unless told. */
export async function startApp(t: Teardown, group: GroupInput): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(upstream, { upstreams: { app: { minSize: 0, ...group } as UpstreamGroupOptions } })
  await app.ready()
  t.teardown(() => app.close())
  return app
}

export async function startOrigin(t: Teardown, script: Script): Promise<RawOrigin> {
  const origin = await rawOrigin(script)
  t.teardown(() => origin.close())
  return origin
}

export interface Answered {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: Buffer
  readonly trailers: readonly string[]
}

export interface Outgoing {
  readonly method?: string
  readonly path?: string
  readonly headers?: readonly string[]
  readonly body?: Readable | Buffer | null
  readonly bodyLength?: number | null
}

const OUTCOME_MS = 10_000

/** One request on its way. `answer` rejects with the UpstreamFailure. */
export interface Sent {
  readonly answer: Promise<Answered>
  readonly controller: ExchangeController
}

export function begin(upstreams: Upstreams, outgoing: Outgoing = {}, name = 'app'): Sent {
  const { promise, resolve, reject } = Promise.withResolvers<Answered>()
  const chunks: Buffer[] = []
  const head = { status: 0, headers: [] as readonly string[] }
  const handler: ExchangeHandler = {
    onResponseStart: (controller, status) => {
      Object.assign(head, { status, headers: (controller as ExchangeController).rawHeaders ?? [] })
    },
    onResponseData: (_controller, chunk) => void chunks.push(Buffer.from(chunk)),
    onResponseEnd: controller => {
      const trailers = (controller as ExchangeController).rawTrailers ?? []
      resolve({ ...head, body: Buffer.concat(chunks), trailers })
    },
    onResponseError: (_controller, error) => reject(error),
  }
  const { method = 'GET', path = '/', headers = [], body = null } = outgoing
  const bodyLength = outgoing.bodyLength ?? (Buffer.isBuffer(body) ? body.length : null)
  // A request without any outcome fails its test by itself, long before the file's time is over.
  const overdue = setTimeout(() => reject(new Error(`no outcome in ${OUTCOME_MS} ms`)), OUTCOME_MS).unref()
  promise.then(
    () => clearTimeout(overdue),
    () => clearTimeout(overdue),
  )
  const request = { method, path, headers: ['Host', 'app.test', ...headers], body, bodyLength }
  return { answer: promise, controller: upstreams.group(name).dispatch(request, handler) }
}

export const send = (upstreams: Upstreams, outgoing?: Outgoing): Promise<Answered> => begin(upstreams, outgoing).answer

/** Resolves when `holds`; rejects, naming what was waited for, after `ms`. */
export async function until(what: string, holds: () => boolean, ms = 5_000): Promise<void> {
  const deadline = performance.now() + ms
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`waited ${ms} ms for ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

/** The promise, or a rejection after `ms`: for others' code, whose silence would hold up the whole file. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const overdue = Promise.withResolvers<never>()
  const timer = setTimeout(() => overdue.reject(new Error(`no outcome in ${ms} ms`)), ms)
  return Promise.race([promise, overdue.promise]).finally(() => clearTimeout(timer))
}

/** Passes the time that the test is about, and says why. */
export const pass = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

export function originOf(app: FastifyInstance, index = 0) {
  const origin = [...app.upstream.snapshot()][index]
  if (origin === undefined) throw new Error(`no origin ${index}`)
  return origin
}

export function maxSizeKnob(app: FastifyInstance) {
  const knob = contractOf(app).tunables.find('app', 'upstream.max_size')
  if (knob === undefined) throw new Error('no knob')
  return knob
}

export function certificate(name: 'localhost' | 'photos'): { key: string; cert: string } {
  const read = (kind: string) =>
    readFileSync(new URL(`../../support/certs/${name}.${kind}.pem`, import.meta.url), 'utf8')
  return { key: read('key'), cert: read('cert') }
}

/** An origin that answers with its name. */
export const named =
  (name: string): Script =>
  (request, socket) => {
    request.complete.then(() => socket.write(answer(200, {}, name)))
  }

/** Options with their defaults, as `apply` takes them. */
export const resolved = (group: GroupInput): UpstreamGroupOptions =>
  resolveOptions('test', upstreamGroupSchema, { minSize: 0, ...group })

/** Groups without an app, so that the test gives the name service and the time of the sweep. */
export function bareUpstreams(t: Teardown, lookup?: Lookup) {
  const contract = { signals: new Signals(), tunables: new Tunables(), journal: new Journal() }
  const upstreams = new Upstreams(contract, lookup)
  t.teardown(() => upstreams.destroy())
  return { upstreams, ...contract }
}

/** Any server on a free port, ended with all its sockets. */
export async function listen(t: Teardown, server: Server | Http2Server): Promise<number> {
  const sockets = new Set<Duplex>()
  server.on('connection', socket => sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket))))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}
