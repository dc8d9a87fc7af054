/**
 * `websocket` over `upstream`: upgrades on any path become raw tunnels to the origin. Ordinary requests stay the app's
 * own. Users write 'hearthgate/websocket' and 'hearthgate/upstream'.
 */
import Fastify from 'fastify'
import { type UpstreamGroupOptions, upstream } from '../plugins/upstream/index.ts'
import { websocket } from '../plugins/websocket/index.ts'
import { type Running, runIfMain, startSampleApp } from './sample-app.ts'

export async function start(): Promise<Running> {
  const sample = await startSampleApp()
  const app = Fastify({ forceCloseConnections: true })
  await app.register(upstream, { upstreams: { chat: { origins: [{ url: sample.url }] } as UpstreamGroupOptions } })
  await app.register(websocket, { upstream: 'chat' })
  app.get('/', () => ({ openTunnels: app.websocket.count }))

  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url, close: () => app.close().then(sample.close) }
}

await runIfMain(import.meta.url, start)
