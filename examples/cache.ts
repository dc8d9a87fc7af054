/**
 * `cache` over `proxy` and `upstream`: what the app behind marks as public is asked for once, everything else as ever.
 * Cache-Status says what happened to each answer. Users write 'hearthgate/cache' and so on.
 */
import Fastify from 'fastify'
import { cache } from '../plugins/cache/index.ts'
import { proxy } from '../plugins/proxy/index.ts'
import { upstream } from '../plugins/upstream/index.ts'
import { type Running, runIfMain, startSampleApp } from './sample-app.ts'

export async function start(): Promise<Running> {
  const sample = await startSampleApp()
  const app = Fastify({ forceCloseConnections: true })
  await app.register(upstream, { upstreams: { wiki: { origins: [{ url: sample.url }] } } })
  await app.register(proxy, { upstream: 'wiki', prefix: '/wiki', rewritePath: '/', direct: true })
  await app.register(cache, { maxBytes: 64 * 1024 ** 2 })
  app.get('/numbers', () => app.cache.stats())
  app.post('/forget', () => app.cache.purge({ by: 'all' }))

  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url, close: () => app.close().then(sample.close) }
}

await runIfMain(import.meta.url, start)
