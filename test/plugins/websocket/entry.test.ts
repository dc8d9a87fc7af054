/** Rules of `hearthgate/access` in the same app hold for upgrades, which Fastify's hooks never see. */
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import t from 'tap'
import { access, hashPasswordSync } from '../../../plugins/access/index.ts'
import { upstream } from '../../../plugins/upstream/index.ts'
import { websocket } from '../../../plugins/websocket/index.ts'
import { exchange, type RawAnswer } from '../../support/raw-client.ts'
import { type RawOrigin, rawOrigin } from '../../support/raw-origin.ts'
import { SWITCH, UPGRADE_LINES, upgradeRequest } from './rig.ts'

interface Guarded {
  readonly origin: RawOrigin
  upgrade(path: string, ...lines: string[]): Promise<RawAnswer>
}

type Rules = Parameters<typeof access>[1]

async function guarded(t: { teardown(fn: () => unknown): void }, rules: Rules): Promise<Guarded> {
  const origin = await rawOrigin((_request, socket) => void socket.end(SWITCH))
  t.teardown(() => origin.close())
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(upstream, { upstreams: { chat: { origins: [{ url: origin.url }], minSize: 0 } } })
  await app.register(websocket, { upstream: 'chat' })
  await app.register(access, rules)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  return { origin, upgrade: (path, ...lines) => exchange(port, upgradeRequest(path, [...UPGRADE_LINES, ...lines])) }
}

t.test('an address that is kept out gets no tunnel, in whatever spelling of the path', async t => {
  const { origin, upgrade } = await guarded(t, { paths: [{ path: '/admin', allow: [], deny: ['127.0.0.1'] }] })
  for (const path of ['/admin/ws', '/%61dmin/ws', '/x/../admin/ws', '//admin/ws?x']) {
    t.equal((await upgrade(path)).status, 403, path)
  }
  t.equal(origin.requests.length, 0)
  t.equal((await upgrade('/ws')).status, 101)
  t.equal(origin.requests.length, 1)
})

t.test('a password is asked for, and the app is told who came by the gateway alone', async t => {
  const basic = { realm: 'home', users: { joe: hashPasswordSync('secret') }, userField: 'X-Who' }
  const { origin, upgrade } = await guarded(t, { basic })
  const refused = await upgrade('/ws')
  t.equal(refused.status, 401)
  t.match(refused.headers['www-authenticate'], /^Basic realm="home"/)
  const joe = `Authorization: Basic ${Buffer.from('joe:secret').toString('base64')}`
  t.equal((await upgrade('/ws', joe, 'x-who: root')).status, 101)
  t.match(origin.requests[0]?.headers, { 'x-who': 'joe', authorization: undefined })
  t.equal(origin.requests.length, 1)
})
