/** The guard of a bare app whose `rewriteUrl` answers another path than was asked for, and guards of scopes in scopes. */
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import t from 'tap'
import { access, hashPasswordSync } from '../../../plugins/access/index.ts'
import { exchange } from '../../support/raw-client.ts'

t.test('neither what was asked for nor what answers may be denied', async t => {
  const names: Readonly<Record<string, string>> = { '/old': '/admin', '/admin/new': '/open', '/alias': '/open' }
  const app = Fastify({ rewriteUrl: ({ url = '/' }) => names[url] ?? url })
  t.teardown(() => app.close())
  await app.register(access, { paths: [{ path: '/admin', allow: [], deny: ['127.0.0.1'] }] })
  for (const path of ['/admin', '/open']) app.get(path, async () => path)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const statusOf = async (path: string) => (await exchange(port, `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)).status
  for (const path of ['/admin', '/old', '/admin/new']) t.equal(await statusOf(path), 403, path)
  for (const path of ['/open', '/alias', '/open?x']) t.equal(await statusOf(path), 200, path)
})

t.test('rules of a scope stand behind those of the app around it', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(access, { paths: [{ path: '/inner/never', allow: [], deny: ['127.0.0.1'] }] })
  app.get('/outer', async () => 'outer')
  await app.register(async scope => {
    await scope.register(access, {
      basic: { realm: 'home', users: { joe: hashPasswordSync('secret') }, userField: null },
    })
    for (const path of ['/inner', '/inner/never']) scope.get(path, async ({ access }) => access?.reason)
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const joe = `Authorization: Basic ${Buffer.from('joe:secret').toString('base64')}\r\n`
  const get = (path: string, more = '') => exchange(port, `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`)
  t.equal((await get('/outer')).status, 200)
  t.equal((await get('/inner')).status, 401)
  t.match(await get('/inner', joe), { status: 200, body: Buffer.from('password') })
  t.equal((await get('/inner/never', joe)).status, 403)
})
