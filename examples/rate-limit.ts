/**
 * `rate-limit` alone: three requests a minute of each client, then 429 with the time to wait. Users write
 * 'hearthgate/rate-limit'.
 */
import Fastify from 'fastify'
import { rateLimit } from '../plugins/rate-limit/index.ts'
import { type Running, runIfMain } from './sample-app.ts'

export async function start(): Promise<Running> {
  const app = Fastify({ forceCloseConnections: true })
  await app.register(rateLimit, { requests: 3, windowMs: 60_000 })
  app.get('/search', () => ({ found: 0 }))

  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url, close: () => app.close() }
}

await runIfMain(import.meta.url, start)
