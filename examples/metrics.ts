/**
 * `metrics` alone: every request counted, the numbers for Prometheus at /metrics, an analysis by route at /analysis. Users
 * write 'hearthgate/metrics'.
 */
import Fastify from 'fastify'
import { CONTENT_TYPE, metrics } from '../plugins/metrics/index.ts'
import { type Running, runIfMain } from './sample-app.ts'

export async function start(): Promise<Running> {
  const app = Fastify({ forceCloseConnections: true })
  // First, so that its clock starts before the work of the other plugins.
  await app.register(metrics, { intervalMs: 60_000, minSamples: 5 })
  app.get('/films/:title', () => ({ found: true }))
  app.get('/metrics', async (_request, reply) => reply.type(CONTENT_TYPE).send(await app.metrics.text()))
  app.get('/analysis', () => app.metrics.analyse())

  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url, close: () => app.close() }
}

await runIfMain(import.meta.url, start)
