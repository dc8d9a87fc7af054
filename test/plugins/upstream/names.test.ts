/** Names of origins over real sockets: which address is dialled, also after it has changed. */
import { once } from 'node:events'
import net, { type Socket } from 'node:net'
import t from 'tap'
import type { Lookup } from '../../../plugins/upstream/resolver.ts'
import { answer } from '../../support/raw-origin.ts'
import { bareUpstreams, named, resolved, send, startOrigin, type Teardown, until } from './support.ts'

/** Two loopback addresses with the same port, as two containers have; null where the machine has only one. */
async function twoAddresses(t: Teardown) {
  const answering = (name: string) => {
    const seen = { connections: 0, sockets: new Set<Socket>() }
    const server = net.createServer(socket => {
      seen.connections++
      seen.sockets.add(socket.on('error', () => {}).on('close', () => seen.sockets.delete(socket)))
      socket.on('data', () => void socket.write(answer(200, {}, name)))
    })
    t.teardown(() => {
      for (const socket of seen.sockets) socket.destroy()
      server.close()
    })
    return { server, seen }
  }
  const [before, after] = [answering('before'), answering('after')]
  before.server.listen(0, '127.0.0.1')
  await once(before.server, 'listening')
  const { port } = before.server.address() as net.AddressInfo
  after.server.listen(port, '127.0.0.2')
  const isUp = await Promise.race([once(after.server, 'listening'), once(after.server, 'error').then(() => null)])
  return isUp === null ? null : { before: before.seen, after: after.seen, port }
}

t.test('D1: after its address has changed an origin is never sought at the old one', async t => {
  const world = await twoAddresses(t)
  if (world === null) {
    t.skip('this machine has no 127.0.0.2', () => {})
    return
  }
  const { before, after, port } = world
  let address = '127.0.0.1'
  const lookup: Lookup = (_name, _options, done) => done(null, [{ address, family: 4 }])
  const { upstreams } = bareUpstreams(t, lookup)
  upstreams.apply({ app: resolved({ origins: [{ url: `http://wiki:${port}` }] }) })
  const read = async () => String((await send(upstreams)).body)
  t.equal(await read(), 'before')

  await t.test('when the old container dies, also if another app listens there now', async t => {
    address = '127.0.0.2'
    for (const socket of before.sockets) socket.destroy()
    for (let i = 0; i < 10; i++) t.equal(await read(), 'after')
    t.equal(before.connections, 1)
  })

  await t.test('when its connections stay open, after the next look at the names', async t => {
    address = '127.0.0.1'
    t.equal(await read(), 'after', 'the kept connection is still good for a moment')
    upstreams.sweep(performance.now() + 5_001)
    await until('the kept connection to be closed', () => after.sockets.size === 0)
    t.equal(await read(), 'before')
    t.equal(after.connections, 1)
  })
})

t.test('a name that cannot be resolved is an error of its own', async t => {
  const failing: Lookup = (_name, _options, done) => done(Object.assign(new Error('x'), { code: 'ENOTFOUND' }), [])
  const { upstreams } = bareUpstreams(t, failing)
  upstreams.apply({ app: resolved({ origins: [{ url: 'http://nowhere.test' }] }) })
  await t.rejects(send(upstreams), { code: 'HG_UPSTREAM_DNS', statusCode: 502, unsent: true })
})

t.test('all addresses of a name are tried', async t => {
  const origin = await startOrigin(t, named('v4'))
  const both: Lookup = (_name, _options, done) =>
    done(null, [
      { address: '::1', family: 6 },
      { address: '127.0.0.1', family: 4 },
    ])
  const { upstreams } = bareUpstreams(t, both)
  upstreams.apply({ app: resolved({ origins: [{ url: `http://wiki:${origin.port}` }] }) })
  t.equal(String((await send(upstreams)).body), 'v4', 'the origin listens on IPv4 only')
})

t.test('a connection that takes too long is given up', async t => {
  // Resolving counts too; a name service that never answers stands for an address that swallows packets.
  const { upstreams } = bareUpstreams(t, () => {})
  upstreams.apply({ app: resolved({ origins: [{ url: 'http://slow.test' }], connectTimeoutMs: 200 }) })
  const startedMs = performance.now()
  await t.rejects(send(upstreams), { code: 'HG_UPSTREAM_CONNECT_TIMEOUT', statusCode: 504, unsent: true })
  t.ok(performance.now() - startedMs < 1_000)
})
