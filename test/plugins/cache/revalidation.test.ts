/** Asking the origin whether what is stored still holds (RFC 9111 §4.3), for one client or for many at once. */
import t from 'tap'
import { waysOut } from '../../support/bare-app.ts'
import { type Fields, fresh, rig, stale, statusOf } from './rig.ts'

const date = 'Mon, 02 Nov 2026 10:00:00 GMT'

t.test('it asks with every validator there is', async t => {
  const cases: [Fields, string | undefined, string | undefined][] = [
    [stale(), '"v1"', undefined],
    [stale('', { ETag: 'W/"w"' }), 'W/"w"', undefined],
    [{ 'Cache-Control': 'max-age=60', Age: 61, 'Last-Modified': date }, undefined, date],
    [stale('', { 'Last-Modified': date }), '"v1"', date],
  ]
  for (const { direct } of waysOut) {
    for (const [fields, tag, since] of cases) {
      const app = await rig(t, { proxy: { direct } })
      await app.store(fields)
      const got = app.get()
      const ask = await app.next()
      t.equal(ask.fields['if-none-match'], tag)
      t.equal(ask.fields['if-modified-since'], since)
      ask.answer(304, { ...fields, Age: 0, 'X-New': 'yes' })
      const answered = await got
      t.equal(answered.status, 200)
      t.equal(answered.body.toString(), 'stored')
      t.equal(answered.headers['x-new'], 'yes')
      t.match(statusOf(answered), /^hearthgate; fwd=stale; fwd-status=304/)
      const hit = await app.get()
      t.match(statusOf(hit), /; hit/)
      t.equal(hit.headers['x-new'], 'yes')
      t.equal(app.asked, 2)
    }
  }
})

t.test('a client’s own conditions are answered by what was confirmed, and not sent on', async t => {
  const app = await rig(t)
  await app.store(stale())
  const got = app.get('/x', { 'If-None-Match': '"other"' })
  const ask = await app.next()
  t.equal(ask.fields['if-none-match'], '"v1"')
  ask.answer(304, stale())
  t.equal((await got).status, 200)
  const same = app.get('/x', { 'If-None-Match': '"v1"' })
  ;(await app.next()).answer(304, stale())
  t.equal((await same).status, 304)
  const range = app.get('/x', { Range: 'bytes=1-2' })
  const third = await app.next()
  t.equal(third.fields['range'], undefined)
  third.answer(304, stale())
  const part = await range
  t.equal(part.status, 206)
  t.equal(part.body.toString(), 'to')
})

t.test('many stale requests at once are one question', async t => {
  const app = await rig(t)
  await app.store(stale())
  const clients = Array.from({ length: 10 }, () => app.open())
  await app.whenWaiting(10)
  ;(await app.next()).answer(304, fresh())
  for (const client of clients) {
    t.equal((await client.answer()).body.toString(), 'stored')
    client.close()
  }
  t.equal(app.asked, 2)
})

t.test('a new answer goes to all who asked, and replaces what was stored', async t => {
  const app = await rig(t)
  await app.store(stale())
  const clients = Array.from({ length: 5 }, () => app.open())
  await app.whenWaiting(5)
  ;(await app.next()).answer(200, fresh({ ETag: '"v2"' }), 'new')
  for (const client of clients) {
    const got = await client.answer()
    t.equal(got.body.toString(), 'new')
    t.match(statusOf(got), /fwd=stale; fwd-status=200|fwd=stale/)
    client.close()
  }
  const hit = await app.get()
  t.equal(hit.body.toString(), 'new')
  t.equal(app.asked, 2)
})

t.test('a 304 about another answer is asked anew, without conditions', async t => {
  const app = await rig(t)
  await app.store(stale())
  const got = app.get('/x', { 'If-None-Match': '"v0"' })
  ;(await app.next()).answer(304, fresh({ ETag: '"v2"' }))
  const again = await app.next()
  t.equal(again.fields['if-none-match'], undefined)
  again.answer(200, fresh({ ETag: '"v2"' }), 'new')
  t.equal((await got).body.toString(), 'new')
  t.equal((await app.get()).body.toString(), 'new')
})

t.test('a 304 that takes the permission back answers the one who asked, and nothing is kept', async t => {
  for (const fields of [
    { 'Cache-Control': 'private', ETag: '"v1"' },
    { 'Cache-Control': 'no-store', ETag: '"v1"' },
  ] as Fields[]) {
    const app = await rig(t)
    await app.store(stale())
    const clients = [app.open(), app.open()]
    await app.whenWaiting(2)
    ;(await app.next()).answer(304, fields)
    const other = await app.next()
    t.equal(other.fields['if-none-match'], undefined, 'the other asks for itself')
    other.answer(200, fields, 'own')
    const bodies = await Promise.all(clients.map(async client => (await client.answer()).body.toString()))
    t.same(bodies.sort(), ['own', 'stored'])
    t.equal(await app.entries(), 0)
    for (const client of clients) client.close()
  }
})

t.test('Set-Cookie of a 304 goes to one client', async t => {
  const app = await rig(t)
  await app.store(stale())
  const got = app.get()
  ;(await app.next()).answer(304, fresh({ 'Set-Cookie': 'a=1' }))
  t.equal((await got).headers['set-cookie'], 'a=1')
})

t.test('a new answer that may not be stored drops the old one', async t => {
  for (const control of ['private', 'no-store']) {
    const app = await rig(t)
    await app.store(stale('stale-if-error=600'))
    const got = app.get()
    ;(await app.next()).answer(200, { 'Cache-Control': control }, 'mine')
    t.equal((await got).body.toString(), 'mine')
    t.equal(await app.entries(), 0, control)
  }
})

t.test('one client’s no-store takes nothing from the others, and gives them nothing', async t => {
  // RFC 9111 §5.2.1.5: no part of the answer to it is stored.
  for (const method of ['GET', 'HEAD']) {
    const app = await rig(t)
    await app.store(stale())
    const got = app.get('/x', { 'Cache-Control': 'no-store' }, method)
    ;(await app.next()).answer(method === 'GET' ? 304 : 200, fresh({ 'X-Mine': 'yes' }))
    t.match(await got, { headers: { 'x-mine': 'yes' }, body: Buffer.from(method === 'GET' ? 'stored' : '') })
    t.equal(await app.entries(), 1)
    const other = app.get()
    const ask = await app.next()
    t.equal(ask.fields['if-none-match'], '"v1"', `${method}: it is as stale as it was`)
    ask.answer(304, stale())
    t.equal((await other).headers['x-mine'], undefined)
  }
})

t.test('clients that want more than fresh have the origin asked', async t => {
  const cases: [Fields, boolean][] = [
    [{}, false],
    [{ 'Cache-Control': 'no-cache' }, true],
    [{ Pragma: 'no-cache' }, true],
    [{ 'Cache-Control': 'max-age=0' }, true],
    [{ 'Cache-Control': 'max-age=500' }, false],
    [{ 'Cache-Control': 'min-fresh=601' }, true],
    [{ 'Cache-Control': 'min-fresh=5' }, false],
    [{ 'Cache-Control': 'no-store' }, false],
    [{ 'Cache-Control': 'only-if-cached' }, false],
  ]
  for (const honourRequestDirectives of [true, false]) {
    for (const [asking, asks] of cases) {
      const app = await rig(t, { cache: { honourRequestDirectives } })
      await app.store(fresh())
      const got = app.get('/x', asking)
      if (asks && honourRequestDirectives) {
        const ask = await app.next()
        t.equal(ask.fields['if-none-match'], '"v1"')
        ask.answer(304, fresh())
        t.match(statusOf(await got), /fwd=request; fwd-status=304/)
      } else t.match(statusOf(await got), /; hit/, JSON.stringify(asking))
      t.equal(app.asked, asks && honourRequestDirectives ? 2 : 1, JSON.stringify(asking))
    }
  }
})

t.test('a client that takes stale answers gets one', async t => {
  const app = await rig(t)
  await app.store(stale())
  for (const control of ['max-stale', 'max-stale=30']) {
    t.match(statusOf(await app.get('/x', { 'Cache-Control': control })), /^hearthgate; hit; ttl=-/, control)
  }
  const got = app.get('/x', { 'Cache-Control': 'max-stale=0' })
  ;(await app.next()).answer(304, stale())
  await got
  const forbidding = await rig(t)
  await forbidding.store(stale('must-revalidate'))
  const asked = forbidding.get('/x', { 'Cache-Control': 'max-stale' })
  ;(await forbidding.next()).answer(304, stale('must-revalidate'))
  t.match(statusOf(await asked), /fwd=stale/)
})

t.test('only-if-cached is a 504 where the origin would have to be asked', async t => {
  const app = await rig(t)
  const asking = { 'Cache-Control': 'only-if-cached' }
  const none = await app.get('/x', asking)
  t.equal(none.status, 504)
  t.equal(statusOf(none), 'hearthgate; detail=only-if-cached')
  await app.store(stale())
  t.equal((await app.get('/x', asking)).status, 504)
  t.equal(app.asked, 1)
})

t.test('what the origin wants asked each time is asked each time', async t => {
  const app = await rig(t)
  await app.store({ 'Cache-Control': 'no-cache', ETag: '"v1"' })
  for (let i = 0; i < 2; i++) {
    const got = app.get()
    const ask = await app.next()
    t.equal(ask.fields['if-none-match'], '"v1"')
    ask.answer(304, { 'Cache-Control': 'no-cache', ETag: '"v1"' })
    t.equal((await got).body.toString(), 'stored')
  }
})

t.test('a HEAD renews what is stored, or shows that it has changed', async t => {
  const cases: [Fields, number][] = [
    [fresh({ 'Content-Length': 6, 'X-New': 'yes' }), 1],
    [fresh({ 'Content-Length': 7 }), 0],
    [fresh({ 'Content-Length': 6, ETag: '"v2"' }), 0],
  ]
  for (const [fields, left] of cases) {
    const app = await rig(t)
    await app.store(stale())
    const got = app.get('/x', {}, 'HEAD')
    ;(await app.next()).answer(200, fields)
    await got
    t.equal(await app.entries(), left, JSON.stringify(fields))
    if (left === 1) t.equal((await app.get()).headers['x-new'], 'yes')
  }
})

t.test('all those who wait for a confirmation of a variant ask about that variant', async t => {
  const app = await rig(t)
  for (const language of ['de', 'en']) {
    const got = app.get('/x', { 'Accept-Language': language })
    const ask = await app.next()
    ask.answer(200, stale('', { Vary: 'Accept-Language', ETag: `"${language}"` }), language)
    await got
  }
  const german = app.get('/x', { 'Accept-Language': 'de' })
  const first = await app.next()
  const english = app.get('/x', { 'Accept-Language': 'en' })
  const second = await app.next()
  t.same([first.fields['if-none-match'], second.fields['if-none-match']], ['"de"', '"en"'])
  first.answer(304, { ETag: '"de"' })
  second.answer(304, { ETag: '"en"' })
  t.equal((await german).body.toString(), 'de')
  t.equal((await english).body.toString(), 'en')
})
