/** Stale answers: while they are refreshed, in place of errors, never where the origin or the client forbids it. */
import { connect } from 'node:net'
import t from 'tap'
import {
  type Ask,
  type Fields,
  fresh,
  pattern,
  type Rig,
  requestText,
  rig,
  stale,
  statusOf,
  staysAt,
  until,
} from './rig.ts'

t.test('while it is refreshed a stale answer is given at once, and asked for once', async t => {
  const app = await rig(t)
  await app.store(stale('stale-while-revalidate=600'))
  const got = await Promise.all([1, 2, 3, 4].map(() => app.get()))
  for (const each of got) {
    t.equal(each.body.toString(), 'stored')
    t.match(statusOf(each), /^hearthgate; hit; ttl=-/)
  }
  const ask = await app.next()
  t.equal(ask.fields['if-none-match'], '"v1"')
  t.ok(await staysAt(() => app.asked, 2), 'one refresh')
  ask.answer(200, fresh(), 'new')
  await app.whenQuiet()
  const hit = await app.get()
  t.equal(hit.body.toString(), 'new')
  t.match(statusOf(hit), /; hit; ttl=\d/)
  t.equal(app.asked, 2)
})

t.test('who has logged in is not given the page of strangers for as long as the route gives stale answers', async t => {
  const app = await rig(t, {
    cache: { staleWhileRevalidateMs: 3_600_000 },
    answer: ask => {
      const who = ask.fields['cookie'] === 'session=joe' ? 'joe' : 'stranger'
      if (ask.fields['if-none-match'] === `"${who}"`) ask.answer(304, { ETag: `"${who}"` })
      else ask.answer(200, { ETag: `"${who}"` }, `hello ${who}`)
    },
  })
  const joe = { Cookie: 'session=joe' }
  t.equal((await app.get()).body.toString(), 'hello stranger')
  t.match(statusOf(await app.get()), /^hearthgate; hit/, 'a second stranger')
  for (let i = 0; i < 2; i++) t.equal((await app.get('/x', joe)).body.toString(), 'hello joe')
  t.equal((await app.get()).body.toString(), 'hello stranger', 'and nobody else is given his')
})

t.test('a 304 refreshes as well', async t => {
  const app = await rig(t)
  await app.store(stale('stale-while-revalidate=600'))
  await app.get()
  ;(await app.next()).answer(304, fresh())
  await app.whenQuiet()
  t.match(statusOf(await app.get()), /; hit; ttl=\d/)
  t.equal(app.asked, 2)
})

t.test('the refresh goes on when the client leaves at once', async t => {
  const app = await rig(t)
  await app.store(stale('stale-while-revalidate=600'))
  const socket = connect(app.port, '127.0.0.1').on('error', () => {})
  socket.write(requestText('/x'), () => socket.destroy())
  const ask = await app.next()
  ask.answer(200, fresh(), 'new')
  await app.whenQuiet()
  t.equal((await app.get()).body.toString(), 'new')
})

t.test('a HEAD refreshes what a GET would, and takes nothing away', async t => {
  for (const status of [200, 304]) {
    const app = await rig(t)
    await app.store(stale('stale-while-revalidate=600'))
    const got = await app.get('/x', {}, 'HEAD')
    t.match(statusOf(got), /; hit/)
    const ask = await app.next()
    t.equal(ask.request.method, 'GET')
    ask.answer(status, fresh(), 'new')
    await app.whenQuiet()
    const hit = app.get()
    const asked = await Promise.race([app.next(300).catch(() => null), hit.then(() => null)])
    t.equal(asked, null, `${status}: what came is stored`)
    asked?.answer(200, fresh(), 'again')
    t.equal((await hit).body.toString(), status === 200 ? 'new' : 'stored')
  }
})

const failures: [string, (ask: Ask) => void][] = [
  ['refused', ask => ask.answer(503)],
  ['nonsense', ask => ask.bytes('nonsense\r\n\r\n')],
  [
    'cut in the body',
    ask =>
      void ask
        .begin(200, fresh({ 'Content-Length': 8 }))
        .bytes('half')
        .socket.end(),
  ],
]

t.test('after a refresh that failed there is a pause', async t => {
  for (const [name, failing] of failures) {
    const app = await rig(t)
    await app.store(stale('stale-while-revalidate=600'))
    await app.get()
    failing(await app.next())
    await app.whenQuiet()
    const asked = app.asked
    for (let i = 0; i < 5; i++) t.equal((await app.get()).body.toString(), 'stored', name)
    t.ok(await staysAt(() => app.asked, asked, 300), `${name}: ${app.asked - asked} more`)
    // Two seconds, and then it is tried again.
    await until(async () => (await app.get()) !== null && app.asked > asked, 3_500, `${name}: never tried again`)
  }
})

t.test('a stale answer stands in for a failure of the origin', async t => {
  const failing: [string, (ask: Ask, app: Rig) => unknown][] = [
    ...[500, 502, 503, 504].map((status): [string, (ask: Ask) => void] => [
      String(status),
      ask => ask.answer(status, {}, 'error'),
    ]),
    ['reset before the head', ask => ask.cut()],
    ['nonsense', ask => ask.bytes('nonsense\r\n\r\n')],
    [
      'cut in the body',
      ask =>
        ask
          .begin(200, fresh({ 'Content-Length': 8 }))
          .bytes('half')
          .socket.end(),
    ],
    ['cut in chunks', ask => ask.begin(200, fresh()).chunk('half').socket.end()],
    ['silent', () => {}],
  ]
  for (const [name, fail] of failing) {
    const app = await rig(t, { group: { headTimeoutMs: 300 } })
    await app.store(stale('stale-if-error=600'))
    const clients = [1, 2, 3].map(() => app.open())
    await app.whenWaiting(3)
    let asked = 0
    while (clients.some(client => client.received.length === 0)) {
      const ask = await app.next(20).catch(() => null)
      if (ask === null) continue
      asked++
      fail(ask, app)
    }
    for (const client of clients) {
      const got = await client.answer()
      t.equal(got.body.toString(), 'stored', name)
      t.match(statusOf(got), /detail=stale-if-error/, name)
      t.notMatch(statusOf(got), /; hit/, name)
      client.close()
    }
    t.ok(asked <= 2, `${name}: ${asked} requests`)
    t.equal(await app.entries(), 1, `${name}: it is still stored`)
  }
})

t.test('a stale answer stands in for an origin that is gone', async t => {
  const app = await rig(t)
  await app.store(stale('stale-if-error=600'))
  await app.origin.stop()
  const got = await app.get()
  t.equal(got.status, 200)
  t.equal(got.body.toString(), 'stored')
  t.match(statusOf(got), /detail=stale-if-error/)
})

t.test('a failure goes through where stale answers are forbidden', async t => {
  const forbidden: [string, Fields, Fields][] = [
    ['nothing said', stale(), {}],
    ['must-revalidate', stale('stale-if-error=600, must-revalidate'), {}],
    ['proxy-revalidate', stale('stale-if-error=600, proxy-revalidate'), {}],
    ['s-maxage', stale('stale-if-error=600, s-maxage=60'), {}],
    ['no-cache', stale('stale-if-error=600, no-cache'), {}],
    ['the request says no-cache', stale('stale-if-error=600'), { 'Cache-Control': 'no-cache' }],
    ['too stale', stale('stale-if-error=0'), {}],
  ]
  for (const [name, fields, asking] of forbidden) {
    const app = await rig(t)
    await app.store(fields)
    const got = app.get('/x', asking)
    ;(await app.next()).answer(503, {}, 'down')
    t.equal((await got).status, 503, name)
    t.equal(await app.entries(), 1, `${name}: it is still stored`)
  }
})

t.test('a 404 is no failure', async t => {
  const app = await rig(t)
  await app.store(stale('stale-if-error=600'))
  const got = app.get()
  ;(await app.next()).answer(404, {}, 'gone')
  t.equal((await got).status, 404)
})

t.test('the route’s own windows count where the origin says nothing', async t => {
  const app = await rig(t, { cache: { staleIfErrorMs: 60_000 } })
  await app.store(stale())
  const got = app.get()
  ;(await app.next()).answer(500)
  t.equal((await got).body.toString(), 'stored')
  const other = await rig(t, { cache: { staleWhileRevalidateMs: 60_000 } })
  await other.store(stale())
  t.equal((await other.get()).body.toString(), 'stored')
  ;(await other.next()).answer(304, fresh())
})

t.test('a long answer is not held back for what a stale one could stand in for', async t => {
  const app = await rig(t)
  await app.store(stale('stale-if-error=600'))
  const client = app.open()
  const ask = await app.next()
  const begun = Date.now()
  ask.begin(200, fresh()).chunk('dripping ')
  await client.until(text => text.includes('dripping'))
  t.ok(Date.now() - begun < 400, 'a dripping one not for long')
  ask.cut()
  t.equal((await client.answer()).isWhole, false, 'then a cut is seen as a cut')
  const large = app.open()
  const other = await app.next()
  other.begin(200, fresh({ 'Content-Length': 1_000_000 })).bytes(pattern(300_000))
  await large.until(text => text.length > 300_000)
  other.cut()
  t.equal((await large.answer()).isWhole, false)
  for (const each of [client, large]) each.close()
})
