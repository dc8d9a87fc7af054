/** How much is stored, and how many wait; what is too long or cut; what a client that is gone leaves behind. */
import http2 from 'node:http2'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { waysOut } from '../../support/bare-app.ts'
import type { RawAnswer } from '../../support/raw-client.ts'
import { type Ask, type Fields, fresh, pattern, rig, stale, statusOf, until, whenClosed } from './rig.ts'

const isHit = (answer: RawAnswer) => /^hearthgate; hit/.test(statusOf(answer))

t.test('a body that is longer than the bound is passed on whole and not stored', async t => {
  for (const { name, direct } of waysOut) {
    for (const isChunked of [false, true]) {
      const app = await rig(t, { proxy: { direct }, cache: { maxObjectBytes: 100_000 } })
      for (const [length, isStored] of [
        [100_000, true],
        [100_001, false],
        [3_000_000, false],
      ] as const) {
        const body = pattern(length)
        const target = `/${length}`
        const got = app.get(target)
        const ask = await app.next()
        if (isChunked) ask.begin(200, fresh()).chunk(body.subarray(0, 1_000)).chunk(body.subarray(1_000)).end()
        else ask.answer(200, fresh(), body)
        const answer = await got
        t.ok(answer.body.equals(body), `${length}, chunked ${isChunked}, ${name}`)
        await app.whenQuiet()
        const again = await app.answered(app.get(target), next => next.answer(200, fresh(), 'anew'))
        t.equal(isHit(again), isStored, `${length}, chunked ${isChunked}, ${name}`)
      }
    }
  }
})

t.test('those who wait for a body that is too long get all of it', async t => {
  for (const isChunked of [false, true]) {
    const app = await rig(t, { cache: { maxObjectBytes: 100_000 }, group: { maxSize: 20 } })
    const body = pattern(9_000_000)
    const clients = Array.from({ length: 4 }, () => app.count())
    await app.whenWaiting(4)
    const give = (ask: Ask) => {
      if (isChunked) ask.begin(200, fresh()).chunk(body).end()
      else ask.answer(200, fresh(), body)
    }
    while (clients.some(client => client.body < body.length)) {
      const ask = await app.next(50).catch(() => null)
      if (ask !== null) give(ask)
    }
    t.ok(app.asked <= 4)
    t.equal(await app.entries(), 0)
    for (const client of clients) client.close()
  }
})

t.test('a body that the origin cuts is seen as cut, and is not stored', async t => {
  const cuts: [string, (ask: Ask) => Ask][] = [
    ['with a length', ask => ask.begin(200, fresh({ 'Content-Length': 1_000_000 })).bytes(pattern(600_000))],
    ['in chunks', ask => ask.begin(200, fresh()).chunk(pattern(600_000))],
  ]
  for (const { direct } of waysOut) {
    for (const [name, begin] of cuts) {
      for (const end of ['closed', 'reset']) {
        const app = await rig(t, { proxy: { direct } })
        const clients = [app.open(), app.open()]
        await app.whenWaiting(2)
        const ask = begin(await app.next())
        for (const client of clients) await client.until(text => text.length > 600_000)
        if (end === 'closed') ask.socket.end()
        else ask.socket.resetAndDestroy()
        for (const client of clients) {
          const got = await client.answer()
          t.equal(got.isWhole, false, `${name}, ${end}`)
          client.close()
        }
        await app.whenQuiet()
        t.equal(await app.entries(), 0, `${name}, ${end}`)
      }
    }
  }
})

t.test('a chunked body that ends without its last chunk is not stored', async t => {
  const app = await rig(t)
  const got = app.get()
  ;(await app.next()).begin(200, fresh()).chunk('most of it').socket.end()
  t.equal((await got).isWhole, false)
  await app.whenQuiet()
  t.equal(await app.entries(), 0)
})

t.test('of an address no more variants are kept than the bound', async t => {
  const app = await rig(t, { cache: { maxVariants: 3 } })
  const give = (ask: Ask) => ask.answer(200, fresh({ Vary: 'X-Side' }), ask.fields['x-side'])
  for (const side of ['a', 'b', 'c', 'd']) await app.answered(app.get('/x', { 'X-Side': side }), give)
  t.equal(await app.entries(), 3)
  for (const side of ['b', 'c', 'd']) t.equal((await app.get('/x', { 'X-Side': side })).body.toString(), side)
  const first = await app.answered(app.get('/x', { 'X-Side': 'a' }), give)
  t.match(statusOf(first), /fwd=vary-miss/)
})

t.test('the least used make room for others', async t => {
  const app = await rig(t, { cache: { maxBytes: 1_000_000, maxObjectBytes: 400_000 } })
  const give = (ask: Ask) => ask.answer(200, fresh(), pattern(300_000))
  for (const target of ['/1', '/2', '/3']) await app.answered(app.get(target), give)
  t.ok(isHit(await app.get('/1')))
  await app.answered(app.get('/4'), give)
  const { store } = await app.app.cache.stats()
  t.equal(store.entries, 3)
  t.ok(store.bytes <= 1_000_000)
  for (const target of ['/1', '/3', '/4']) t.ok(isHit(await app.get(target)), target)
  t.notOk(isHit(await app.answered(app.get('/2'), give)))
})

t.test('an answer with more tags than a store takes is passed on and not stored', async t => {
  const app = await rig(t)
  const tags = Array.from({ length: 200 }, (_, i) => `tag-${i}`).join(' ')
  const got = await app.answered(app.get(), ask => ask.answer(200, fresh({ 'Surrogate-Key': tags }), 'body'))
  t.equal(got.body.toString(), 'body')
  await app.whenQuiet()
  t.equal(await app.entries(), 0, 'one that could not be purged by all of its tags')
})

t.test('more than may wait for one answer ask for themselves', async t => {
  const count = 1_100
  const app = await rig(t, { server: { http2: true }, group: { maxSize: 20 } })
  const session = http2.connect(`http://127.0.0.1:${app.port}`)
  t.teardown(() => session.destroy())
  const bodies = Array.from({ length: count }, () => {
    const stream = session.request({ ':path': '/x', ':authority': 'app.test' })
    return stream.setEncoding('utf8').toArray()
  })
  await app.whenWaiting(count)
  await until(() => app.asked === 2)
  t.equal((await app.app.cache.stats()).fills, 2)
  for (let i = 0; i < 2; i++) (await app.next()).answer(200, fresh(), 'for all')
  for (const body of await Promise.all(bodies)) if (body.join('') !== 'for all') t.fail(body.join(''))
  t.equal(app.asked, 2)
})

t.test('a client that leaves while a hook of the app takes its time leaves nothing behind', async t => {
  for (const fields of [fresh(), { 'Cache-Control': 'private' }] as Fields[]) {
    const slow = Promise.withResolvers<() => void>()
    const left = Promise.withResolvers<void>()
    const prepare = (app: FastifyInstance) => {
      app.addHook('onRequest', (request, _reply, next) => {
        if (request.url !== '/slow') return next()
        request.raw.socket.once('close', () => left.resolve())
        slow.resolve(next)
      })
    }
    const app = await rig(t, { prepare })
    const gone = app.open('/slow')
    const next = await slow.promise
    gone.close()
    await left.promise
    next()
    const ask = await app.next(200).catch(() => null)
    if (ask !== null) {
      ask.begin(200, { ...fields, 'Content-Length': 50_000_000 }).bytes(pattern(50_000_000))
      await whenClosed(ask.socket, 1_000).catch(() => t.fail('the origin still sends to nobody'))
    }
    await app.whenQuiet(500).catch(error => t.fail(error.message))
    ask?.cut()
  }
})

t.test('counts what it does', async t => {
  const app = await rig(t)
  await app.store(fresh())
  await app.get()
  await app.get('/x', { 'Cache-Control': 'only-if-cached' })
  await app.get('/none', { 'Cache-Control': 'only-if-cached' })
  await app.answered(app.get('/private'), ask => ask.answer(200, { 'Cache-Control': 'private' }))
  await app.answered(app.get('/x', { 'If-Match': '"v1"' }), ask => ask.answer(200))
  const { outcomes, fills, waiters } = await app.app.cache.stats()
  t.same(outcomes, { miss: 2, hit: 2, 'only-if-cached': 1, bypass: 1 })
  t.same([fills, waiters], [0, 0])
})

t.test('an answer that nobody reads ends when it is too long for the store', async t => {
  const cases = [
    { title: 'after a 304', first: fresh(), fields: { 'If-None-Match': '"v1"' }, isPurged: true },
    { title: 'asked for in the background', first: stale('stale-while-revalidate=600'), fields: {}, isPurged: false },
  ]
  for (const { title, first, fields, isPurged } of cases) {
    const app = await rig(t, { cache: { maxObjectBytes: 100_000 } })
    await app.store(first)
    if (isPurged) await app.app.cache.purge({ by: 'all' })
    const got = app.get('/x', fields)
    const ask = (await app.next()).begin(200, fresh())
    await got
    for (let i = 0; i < 3; i++) ask.chunk(Buffer.alloc(65_536))
    await whenClosed(ask.socket, 2_000)
    t.equal((await app.app.cache.stats()).fills, 0, title)
  }
})
