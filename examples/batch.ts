/**
 * `batch` in any app: one POST asks for several things at once. Users write 'hearthgate/batch'.
 */
import Fastify from 'fastify'
import { batch } from '../plugins/batch/index.ts'
import { type Running, runIfMain } from './sample-app.ts'

export async function start(): Promise<Running> {
  const app = Fastify({ forceCloseConnections: true })
  await app.register(batch, { batchSize: 10, maxConcurrent: 5 })
  app.get('/time', () => ({ now: Date.now() }))
  app.post('/echo', ({ body, headers }) => ({ body, cookie: headers.cookie ?? null }))

  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url, close: () => app.close() }
}

await runIfMain(import.meta.url, start)
