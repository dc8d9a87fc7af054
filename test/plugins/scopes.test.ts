/** Scopes of one app, each with a proxy of its own, and a cache, in front of the same groups of origins. */
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { cache, proxy, upstream } from '../../plugins/index.ts'
import { exchange, type RawAnswer } from '../support/raw-client.ts'
import { answer, type RawOrigin, rawOrigin } from '../support/raw-origin.ts'

interface Scoped {
  readonly origin: RawOrigin
  get(target: string): Promise<RawAnswer>
}

async function scoped(
  t: { teardown(fn: () => unknown): void },
  build: (app: FastifyInstance) => Promise<void>,
): Promise<Scoped> {
  const origin = await rawOrigin((request, socket) => {
    socket.write(answer(200, { 'Cache-Control': 'max-age=60' }, request.target))
  })
  t.teardown(() => origin.close())
  const app = Fastify({ forceCloseConnections: true })
  t.teardown(() => app.close())
  const group = { origins: [{ url: origin.url }], minSize: 0 }
  await app.register(upstream, { upstreams: { one: group, two: group } })
  await build(app)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  return { origin, get: target => exchange(port, `GET ${target} HTTP/1.1\r\nHost: home.test\r\n\r\n`) }
}

t.test('each cache keeps what its own scope asks for, and says so once', async t => {
  const { origin, get } = await scoped(t, async app => {
    for (const name of ['one', 'two']) {
      await app.register(async scope => {
        await scope.register(proxy, { upstream: name, prefix: `/${name}`, rewritePath: '/', direct: true })
        await scope.register(cache)
      })
    }
  })
  for (const target of ['/one/x', '/two/x']) {
    const first = await get(target)
    t.equal(String(first.body), '/x')
    t.equal(first.headers['cache-status'], 'hearthgate; fwd=uri-miss; stored')
    t.match((await get(target)).headers['cache-status'], /^hearthgate; hit/)
  }
  t.equal(origin.requests.length, 2)
})

t.test('the prefix of a scope stands in front of that of the proxy', async t => {
  const { get } = await scoped(t, async app => {
    const inside = async (scope: FastifyInstance) => {
      await scope.register(proxy, { upstream: 'one', prefix: '/wiki', rewritePath: '/base' })
    }
    await app.register(inside, { prefix: '/outer' })
    const whole = async (scope: FastifyInstance) => void (await scope.register(proxy, { upstream: 'two' }))
    await app.register(whole, { prefix: '/all' })
  })
  t.equal(String((await get('/outer/wiki/x')).body), '/base/x')
  t.equal((await get('/wiki/x')).status, 404)
  t.equal(String((await get('/all/x')).body), '/all/x')
})

t.test('a second proxy in one scope is refused, with what to do', async t => {
  const app = Fastify()
  await app.register(upstream)
  await app.register(proxy, { upstream: 'one', prefix: '/one' })
  const again = async () => void (await app.register(proxy, { upstream: 'two', prefix: '/two' }))
  await t.rejects(again, { code: 'HG_OPTIONS', message: /a scope of its own/ })
})
