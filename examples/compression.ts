/**
 * `compression` over routes of an app and over a proxied app: pages and JSON are encoded as the client likes it best, short
 * answers and everything that is compressed already are left alone, and so is a route with secrets on its page. Users write
 * 'hearthgate/compression' and so on.
 */
import Fastify from 'fastify'
import { compression } from '../plugins/compression/index.ts'
import { proxy } from '../plugins/proxy/index.ts'
import { upstream } from '../plugins/upstream/index.ts'
import { type Running, runIfMain, startSampleApp } from './sample-app.ts'

export async function start(): Promise<Running> {
  const sample = await startSampleApp()
  const app = Fastify({ forceCloseConnections: true })
  await app.register(compression, { minSize: 1024, algorithms: ['zstd', 'brotli', 'gzip'] })
  await app.register(upstream, { upstreams: { wiki: { origins: [{ url: sample.url }] } } })
  await app.register(proxy, { upstream: 'wiki', prefix: '/wiki', rewritePath: '/', direct: true })
  app.get('/guide', (_request, reply) => reply.type('text/html').send('<p>How to water the plants.</p>'.repeat(200)))
  app.get('/account', { config: { compression: false } }, (_request, reply) =>
    reply.type('text/html').send('<p>The token beside what you typed.</p>'.repeat(200)),
  )

  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url, close: () => app.close().then(sample.close) }
}

await runIfMain(import.meta.url, start)
