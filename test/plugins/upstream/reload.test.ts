/** Changed options over real sockets: what keeps its connections, and how what is taken away ends. */
import type { Socket } from 'node:net'
import t from 'tap'
import { answer } from '../../support/raw-origin.ts'
import { bareUpstreams, begin, named, resolved, send, startOrigin, until } from './support.ts'

const ok = answer(200, {}, 'ok')

t.test('changed options keep the sockets of groups and origins that stay', async t => {
  const [a, b, c] = [
    await startOrigin(t, named('a')),
    await startOrigin(t, named('b')),
    await startOrigin(t, named('c')),
  ]
  const { upstreams, tunables } = bareUpstreams(t)
  const wiki = resolved({ origins: [{ url: a.url }] })
  upstreams.apply({ app: wiki, photos: resolved({ origins: [{ url: b.url }] }) })
  const read = async (name: string) => String((await begin(upstreams, {}, name).answer).body)
  await Promise.all([read('app'), read('photos')])

  await t.test('new limits and a new origin', async t => {
    upstreams.apply({
      app: structuredClone(wiki),
      photos: resolved({ origins: [{ url: b.url }, { url: c.url }], maxSize: 7, maxIdleMs: 9_000 }),
    })
    t.strictSame(new Set([await read('app'), await read('photos'), await read('photos')]), new Set(['a', 'b', 'c']))
    t.strictSame([a.connections, b.connections, c.connections], [1, 1, 1])
    t.equal(tunables.find('photos', 'upstream.max_size')?.get(), 7)
  })

  await t.test('an option of the transport makes new connections', async t => {
    upstreams.apply({ app: resolved({ origins: [{ url: a.url }], tcpNodelay: false }) })
    t.equal(await read('app'), 'a')
    t.equal(a.connections, 2)
    await until('the old one to be closed', () => a.sockets.size === 1)
  })

  await t.test('a group that is gone takes no request and has no knob', async t => {
    t.notOk(upstreams.has('photos'))
    t.throws(() => upstreams.dispatcher('photos'), { code: 'HG_NO_UPSTREAM', statusCode: 503 })
    t.throws(() => begin(upstreams, {}, 'photos'), { code: 'HG_NO_UPSTREAM' })
    t.equal(tunables.find('photos', 'upstream.max_size'), undefined)
    await until('its sockets to be closed', () => b.sockets.size === 0 && c.sockets.size === 0)
  })
})

t.test('a request that runs on an origin or in a group that is taken away comes to its end', async t => {
  const held: Socket[] = []
  const origin = await startOrigin(t, (_request, socket) => void held.push(socket))
  const other = await startOrigin(t, named('other'))
  for (const next of [{ app: resolved({ origins: [{ url: other.url }] }) }, {}]) {
    const { upstreams } = bareUpstreams(t)
    upstreams.apply({ app: resolved({ origins: [{ url: origin.url }], maxSize: 1, queueTimeoutMs: 30_000 }) })
    const [running, waiting] = [send(upstreams), send(upstreams)]
    await until('the request', () => held.length === 1)
    upstreams.apply(next)
    for (const answered of [running, waiting]) {
      await until('the next one', () => held.length === 1)
      held.shift()?.write(ok)
      t.equal(String((await answered).body), 'ok')
    }
    // A group that nobody uses any more is let go of by the sweep.
    upstreams.sweep(performance.now())
    await until('the connection to be closed', () => origin.sockets.size === 0)
  }
})

t.test('a group that is taken away goes on with what it has begun for ten seconds, and takes no more then', async t => {
  const held: Socket[] = []
  const origin = await startOrigin(t, (_request, socket) => void held.push(socket))
  const { upstreams } = bareUpstreams(t)
  upstreams.apply({ app: resolved({ origins: [{ url: origin.url }] }) })
  const running = send(upstreams)
  await until('the request', () => held.length === 1)
  upstreams.apply({})
  upstreams.sweep(performance.now() + 9_000)
  t.ok(upstreams.group('app'))
  upstreams.sweep(performance.now() + 11_000)
  t.throws(() => upstreams.group('app'), { code: 'HG_NO_UPSTREAM' })
  held.shift()?.write(ok)
  t.equal(String((await running).body), 'ok')
})

t.test('the same origin twice in a group loses no connection in a reload', async t => {
  const origin = await startOrigin(t, named('a'))
  const { upstreams } = bareUpstreams(t)
  const twice = (maxSize: number) => resolved({ origins: [{ url: origin.url }, { url: origin.url }], maxSize })
  upstreams.apply({ app: twice(5) })
  await send(upstreams)
  await send(upstreams)
  t.equal(origin.connections, 1, 'it is one origin with both weights')
  upstreams.apply({ app: twice(6) })
  upstreams.apply({})
  await until('every socket to be closed', () => origin.sockets.size === 0, 1_000)
})
