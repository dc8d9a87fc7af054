/**
 * A bare Fastify app with `upstream` and `proxy`, on a free port of loopback: the plugins as a stranger uses them.
 */
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { type ProxyOptions, proxy, WholeResponse } from '../../plugins/proxy/index.ts'
import { type UpstreamGroupInput, upstream } from '../../plugins/upstream/index.ts'

interface Teardown {
  teardown(fn: () => unknown): void
}

export interface BareApp {
  readonly app: FastifyInstance
  readonly port: number
  readonly url: string
}

/** Both ways out of the proxy, for tests that run on each. */
export const waysOut = [
  { name: 'straight to the socket', direct: true },
  { name: 'through the framework', direct: false },
] as const

export async function bareApp(
  t: Teardown,
  origins: string | string[],
  options: { group?: Partial<UpstreamGroupInput>; proxy?: Partial<ProxyOptions>; whole?: boolean } = {},
): Promise<BareApp> {
  const http = options.whole === true ? { ServerResponse: WholeResponse as unknown as typeof ServerResponse } : {}
  const app = Fastify({ forceCloseConnections: true, maxRequestsPerSocket: 0, http })
  const list = Array.isArray(origins) ? origins : [origins]
  const group = { minSize: 0, ...options.group, origins: list.map(url => ({ url })) } as UpstreamGroupInput
  await app.register(upstream, { upstreams: { app: group } })
  await app.register(proxy, { upstream: 'app', ...options.proxy })
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  const { port } = app.server.address() as AddressInfo
  return { app, port, url: `http://127.0.0.1:${port}` }
}
