/**
 * `access-log` alone: one line a request on stderr, with secrets in the address taken out. Users write
 * 'hearthgate/access-log'.
 */
import Fastify from 'fastify'
import { accessLog, type Destination } from '../plugins/access-log/index.ts'
import { type Running, runIfMain } from './sample-app.ts'

/** `destination` replaces stderr. */
export async function start(destination?: Destination): Promise<Running> {
  const app = Fastify({ forceCloseConnections: true })
  // First, so that its clock starts before the work of the other plugins.
  await app.register(accessLog, { access: 'json', ...(destination === undefined ? {} : { destination }) })
  app.get('/films/:title', () => ({ found: true }))

  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url, close: () => app.close() }
}

await runIfMain(import.meta.url, start)
