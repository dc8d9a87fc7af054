/**
 * `proxy` over `upstream`: everything under /wiki goes to another app, whatever the method or the size; the rest of the
 * app stays yours. Users write 'hearthgate/proxy' and 'hearthgate/upstream'.
 */
import Fastify from 'fastify'
import { proxy } from '../plugins/proxy/index.ts'
import { type UpstreamGroupOptions, upstream } from '../plugins/upstream/index.ts'
import { type Running, runIfMain, startSampleApp } from './sample-app.ts'

export async function start(): Promise<Running> {
  const sample = await startSampleApp()
  const app = Fastify({ forceCloseConnections: true })
  await app.register(upstream, { upstreams: { wiki: { origins: [{ url: sample.url }] } as UpstreamGroupOptions } })
  await app.register(proxy, { upstream: 'wiki', prefix: '/wiki', rewritePath: '/' })
  app.get('/', () => ({ see: '/wiki/' }))

  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url, close: () => app.close().then(sample.close) }
}

await runIfMain(import.meta.url, start)
