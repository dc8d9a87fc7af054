/**
 * `tuner` over `upstream`, `admission` and `proxy`: how many requests run at an app at once is found by measuring, and
 * every change is in a ledger with its reason. Users write 'hearthgate/tuner' and so on.
 */
import Fastify from 'fastify'
import { admission } from '../plugins/admission/index.ts'
import { proxy } from '../plugins/proxy/index.ts'
import { tuner } from '../plugins/tuner/index.ts'
import { upstream } from '../plugins/upstream/index.ts'
import { type Running, runIfMain, startSampleApp } from './sample-app.ts'

export async function start(): Promise<Running> {
  const sample = await startSampleApp()
  const app = Fastify({ forceCloseConnections: true })
  await app.register(upstream, { upstreams: { wiki: { origins: [{ url: sample.url }] } } })
  await app.register(admission, { upstreams: { wiki: {} } })
  await app.register(proxy, { upstream: 'wiki', prefix: '/wiki', rewritePath: '/', direct: true })
  const goal = { goodMs: 300, badMs: 2_000 }
  await app.register(tuner, { routes: { wiki: { upstream: 'wiki', mode: 'apply', goal } } })
  app.get('/knobs', () => app.tuner.status().knobs)
  app.get('/ledger', () => app.tuner.log)

  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url, close: () => app.close().then(sample.close) }
}

await runIfMain(import.meta.url, start)
