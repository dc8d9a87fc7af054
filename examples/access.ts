/**
 * `access` alone: a password for every page, and a path that only one machine may open. Users write 'hearthgate/access'.
 */
import Fastify from 'fastify'
import { access, hashPassword } from '../plugins/access/index.ts'
import { type Running, runIfMain } from './sample-app.ts'

export async function start(): Promise<Running> {
  const app = Fastify({ forceCloseConnections: true })
  await app.register(access, {
    paths: [{ path: '/admin', allow: ['192.168.1.2'], deny: [] }],
    basic: { realm: 'home', users: { joe: await hashPassword('correct horse') }, userField: 'Remote-User' },
  })
  app.get('/page', request => ({ user: request.access?.set['Remote-User'] }))
  app.get('/admin', () => ({ open: true }))

  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url, close: () => app.close() }
}

await runIfMain(import.meta.url, start)
