/** Each plugin by itself in an app of somebody else, and the ones that build on `upstream` in whatever order they come. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyPluginAsync } from 'fastify'
import t from 'tap'
import * as plugins from '../../plugins/index.ts'
import type { UpstreamPluginOptions } from '../../plugins/upstream/index.ts'

const { admission, cache, compression, metrics, proxy, retry, tuner, upstream } = plugins

const alone: Readonly<Record<string, (app: FastifyInstance) => PromiseLike<unknown>>> = {
  admission: app => app.register(admission),
  cache: app => app.register(cache, { maxBytes: 64 * 1024 ** 2 }),
  compression: app => app.register(compression),
  metrics: app => app.register(metrics),
  retry: app => app.register(retry),
  tuner: app => app.register(tuner),
  upstream: app => app.register(upstream),
}

for (const [name, register] of Object.entries(alone)) {
  t.test(`${name} alone leaves the app's own routes as they were`, async t => {
    const app = Fastify()
    t.teardown(() => app.close())
    await register(app)
    app.get('/own', async () => 'hello')
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    const answer = await fetch(`${url}/own`)
    t.equal(answer.status, 200)
    t.equal(await answer.text(), 'hello')
  })
}

t.test('what builds on upstream may come before it', async t => {
  let asked = 0
  const origin = createServer((_request, response) => {
    asked++
    response.writeHead(200, { 'Cache-Control': 'max-age=60' }).end('of the origin')
  })
  await new Promise<void>(done => void origin.listen(0, '127.0.0.1', done))
  t.teardown(() => origin.close())
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(retry)
  await app.register(admission)
  await app.register(cache)
  const lookup: UpstreamPluginOptions['lookup'] = (_name, _options, done) =>
    done(null, [{ address: '127.0.0.1', family: 4 }])
  const { port } = origin.address() as AddressInfo
  await app.register(upstream, { upstreams: { wiki: { origins: [{ url: `http://wiki.test:${port}` }] } }, lookup })
  await app.register(proxy, { upstream: 'wiki', direct: true })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  for (const status of [/fwd=uri-miss; stored/, /hit/]) {
    const answer = await fetch(`${url}/page`)
    t.equal(await answer.text(), 'of the origin')
    t.match(answer.headers.get('cache-status'), status)
  }
  t.equal(asked, 1)
})

t.test('a second upstream in one app is still refused', async t => {
  const app = Fastify()
  await app.register(retry)
  await app.register(upstream)
  await t.rejects(async () => void (await app.register(upstream)), { code: 'FST_ERR_DEC_ALREADY_PRESENT' })
})

for (const [name, plugin] of Object.entries(plugins)) {
  t.test(`${name} with an option that there is not fails to register, and the process lives`, async t => {
    const app = Fastify()
    if (plugin === proxy) await app.register(upstream)
    const wrong = async () => void (await app.register(plugin as FastifyPluginAsync<{ bogus: number }>, { bogus: 1 }))
    await t.rejects(wrong, { code: 'HG_OPTIONS', message: /bogus/ })
  })
}
