/**
 * `admission` over `proxy` and `upstream`: two requests at a time for a weak app, ten wait, the others are told at once to
 * come again. Users write 'hearthgate/admission' and so on.
 */
import Fastify from 'fastify'
import { admission } from '../plugins/admission/index.ts'
import { proxy } from '../plugins/proxy/index.ts'
import { upstream } from '../plugins/upstream/index.ts'
import { type Running, runIfMain, startSampleApp } from './sample-app.ts'

export async function start(): Promise<Running> {
  const sample = await startSampleApp()
  const app = Fastify({ forceCloseConnections: true })
  await app.register(upstream, { upstreams: { wiki: { origins: [{ url: sample.url }] } } })
  await app.register(admission, { upstreams: { wiki: { maxConcurrency: 2, queue: 10 } } })
  await app.register(proxy, { upstream: 'wiki', prefix: '/wiki', rewritePath: '/', direct: true })
  app.get('/numbers', () => [...app.admission.snapshot()])

  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url, close: () => app.close().then(sample.close) }
}

await runIfMain(import.meta.url, start)
