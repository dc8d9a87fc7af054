/**
 * A bare Fastify app with `upstream`, `retry` and `proxy` in front of origins on raw sockets.
 */
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { proxy } from '../../../plugins/proxy/index.ts'
import { type RetryInput, retry } from '../../../plugins/retry/index.ts'
import { type UpstreamGroupInput, upstream } from '../../../plugins/upstream/index.ts'

interface Teardown {
  teardown(fn: () => unknown): void
}

export interface RetryApp {
  readonly app: FastifyInstance
  readonly port: number
}

export async function retryApp(
  t: Teardown,
  origins: string[],
  options: { group?: Partial<UpstreamGroupInput>; retry?: RetryInput; direct?: boolean } = {},
): Promise<RetryApp> {
  const app = Fastify({ forceCloseConnections: true })
  const group = { minSize: 0, ...options.group, origins: origins.map(url => ({ url })) } as UpstreamGroupInput
  await app.register(upstream, { upstreams: { app: group } })
  await app.register(retry, options.retry ?? {})
  await app.register(proxy, { upstream: 'app', direct: options.direct ?? true })
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  return { app, port: (app.server.address() as AddressInfo).port }
}

/** A free port of loopback that nobody listens on. */
export function get(path = '/'): string {
  return `GET ${path} HTTP/1.1\r\nHost: app\r\n\r\n`
}

export function withBody(method: string, body: string, more = ''): string {
  return `${method} / HTTP/1.1\r\nHost: app\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`
}
