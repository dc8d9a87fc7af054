/** Admission in the whole gateway: routes with the same origins share a limit, a reload brings changes into force. */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { base, startGateway } from '../support/gateway.ts'

type Answering = (path: string) => void

async function holdingOrigin(t: { teardown(fn: () => unknown): void }) {
  const held = new Map<string, http.ServerResponse>()
  const waiters = new Map<string, Answering>()
  const server = http.createServer((request, response) => {
    const path = request.url ?? ''
    held.set(path, response)
    waiters.get(path)?.(path)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    held,
    has: (path: string) =>
      held.has(path) ? Promise.resolve(path) : new Promise<string>(resolve => waiters.set(path, resolve)),
    answer: (path: string) => void held.get(path)?.end('done'),
  }
}

const routes = (origin: string, admission: string) => `${base}
defaults: { cache: false }
routes:
  - { name: wiki, match: { path: /wiki }, upstream: "${origin}", admission: ${admission} }
  - { name: photos, match: { path: /photos }, upstream: "${origin}", admission: ${admission} }
`

t.test('routes that point at the same origin share its limit', async t => {
  const origin = await holdingOrigin(t)
  const { port, gateway } = await startGateway(t, routes(origin.url, '{ max_concurrency: 1, queue: 0 }'))
  const ask = (path: string) => fetch(`http://127.0.0.1:${port}${path}`)
  const first = ask('/wiki/a')
  await origin.has('/wiki/a')
  const refused = await ask('/photos/b')
  t.equal(refused.status, 503)
  t.match(await refused.json(), { code: 'HG_OVERLOADED' })
  t.ok(Number(refused.headers.get('retry-after')) >= 1)
  t.equal(refused.headers.get('proxy-status'), 'hearthgate; error=connection_limit_reached')
  origin.answer('/wiki/a')
  t.equal((await first).status, 200)
  t.ok(gateway)
})

t.test('a reload changes the limit for those who wait', async t => {
  const origin = await holdingOrigin(t)
  const gateway = await startGateway(t, routes(origin.url, '{ max_concurrency: 1 }'))
  const ask = (path: string) => fetch(`http://127.0.0.1:${gateway.port}${path}`)
  const first = ask('/wiki/a')
  await origin.has('/wiki/a')
  const second = ask('/wiki/b')
  t.equal(origin.held.has('/wiki/b'), false)
  t.ok(await gateway.rewrite(routes(origin.url, '{ max_concurrency: 4 }')))
  await origin.has('/wiki/b')
  origin.answer('/wiki/a')
  origin.answer('/wiki/b')
  t.same([(await first).status, (await second).status], [200, 200])
})

t.test('without admission nothing is refused', async t => {
  const origin = await holdingOrigin(t)
  const { port } = await startGateway(t, routes(origin.url, 'false'))
  const asked = Array.from({ length: 40 }, (_, n) => fetch(`http://127.0.0.1:${port}/wiki/${n}`))
  await Promise.all(asked.map((_, n) => origin.has(`/wiki/${n}`)))
  for (let n = 0; n < asked.length; n++) origin.answer(`/wiki/${n}`)
  for (const answer of asked) t.equal((await answer).status, 200)
})
