/**
 * `retry` over `upstream` and `proxy`: what an app answers with 503 now and then is asked for again before the visitor
 * sees it, and while the app restarts requests wait for it. Users write 'hearthgate/retry' and so on.
 */
import Fastify from 'fastify'
import { proxy } from '../plugins/proxy/index.ts'
import { retry } from '../plugins/retry/index.ts'
import { upstream } from '../plugins/upstream/index.ts'
import { type Running, runIfMain, startSampleApp } from './sample-app.ts'

export async function start(): Promise<Running> {
  const sample = await startSampleApp()
  const app = Fastify({ forceCloseConnections: true })
  await app.register(upstream, { upstreams: { wiki: { origins: [{ url: sample.url }] } } })
  await app.register(retry, { attempts: 3, holdMs: 8_000, upstreams: { wiki: { methods: ['GET', 'HEAD', 'PUT'] } } })
  await app.register(proxy, { upstream: 'wiki', prefix: '/wiki', rewritePath: '/', direct: true })
  app.get('/waiting', () => [...app.retry.snapshot()])

  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url, close: () => app.close().then(sample.close) }
}

await runIfMain(import.meta.url, start)
