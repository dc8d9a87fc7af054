/** What a stored answer becomes for one request: whole, head alone, 304; what only the origin can answer. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { waysOut } from '../../support/bare-app.ts'
import type { RawAnswer } from '../../support/raw-client.ts'
import { type Ask, type Fields, fresh, rig, statusOf, staysAt } from './rig.ts'

const digits = '0123456789'
const date = 'Mon, 02 Nov 2026 10:00:00 GMT'

const isHit = (answer: RawAnswer) => /^hearthgate; hit/.test(statusOf(answer))

t.test('HEAD is answered by what GET has brought', async t => {
  for (const { name, direct } of waysOut) {
    const app = await rig(t, { proxy: { direct } })
    await app.store(fresh({ 'Content-Type': 'text/css', 'X-Own': 'yes' }), digits)
    const client = app.open('/x', {}, 'HEAD')
    const head = await client.answer('HEAD')
    t.ok(isHit(head), name)
    t.equal(head.status, 200)
    t.equal(head.headers['content-length'], '10')
    t.equal(head.headers['content-type'], 'text/css')
    t.equal(head.headers['x-own'], 'yes')
    t.match(head.headers['age'], /^\d+$/)
    client.send('GET /x HTTP/1.1\r\nHost: app.test\r\n\r\n')
    t.equal((await client.answer()).body.toString(), digits, 'no byte followed the head')
    t.equal((await app.get('/x', { 'If-None-Match': '"v1"' }, 'HEAD')).status, 304)
    t.equal((await app.get('/x', { Range: 'bytes=0-1' }, 'HEAD')).status, 200)
    t.equal(app.asked, 1)
    client.close()
  }
})

t.test('a HEAD for which nothing is stored goes to the origin and stores nothing', async t => {
  const app = await rig(t)
  const got = app.get('/x', {}, 'HEAD')
  ;(await app.next()).answer(200, fresh({ 'Content-Length': 10 }))
  t.match(statusOf(await got), /^hearthgate; fwd=uri-miss/)
  t.equal(await app.entries(), 0)
  const whole = app.get()
  ;(await app.next()).answer(200, fresh(), digits)
  t.equal((await whole).body.toString(), digits)
})

t.test('conditions are answered from the store', async t => {
  const validators: Fields = { ETag: '"v1"', 'Last-Modified': date, 'Content-Type': 'text/css', Vary: 'X-Side' }
  const cases: [Fields, number][] = [
    [{ 'If-None-Match': '"v1"' }, 304],
    [{ 'If-None-Match': 'W/"v1"' }, 304],
    [{ 'If-None-Match': '"v0", "v1"' }, 304],
    [{ 'If-None-Match': '*' }, 304],
    [{ 'If-None-Match': '"v0"' }, 200],
    [{ 'If-Modified-Since': date }, 304],
    [{ 'If-Modified-Since': 'Tue, 03 Nov 2026 10:00:00 GMT' }, 304],
    [{ 'If-Modified-Since': 'Sun, 01 Nov 2026 10:00:00 GMT' }, 200],
    [{ 'If-Modified-Since': 'yesterday' }, 200],
    [{ 'If-None-Match': '"v0"', 'If-Modified-Since': date }, 200],
    [{ 'If-None-Match': '"v1"', Range: 'bytes=0-1' }, 304],
  ]
  for (const { direct } of waysOut) {
    const app = await rig(t, { proxy: { direct } })
    await app.store(fresh(validators), digits)
    for (const [asking, status] of cases) {
      const got = await app.get('/x', asking)
      t.equal(got.status, status, JSON.stringify(asking))
      t.ok(isHit(got))
      if (status !== 304) continue
      t.equal(got.headers['etag'], '"v1"')
      t.equal(got.headers['vary'], 'X-Side')
      t.equal(got.headers['cache-control'], 'max-age=600')
      t.equal(got.headers['content-type'], undefined)
      t.equal(got.headers['content-length'], undefined)
    }
    t.equal(app.asked, 1)
  }
})

t.test('statuses with a lifetime of their own are stored, and those of one request are not', async t => {
  const cases: [number, Fields, boolean][] = [
    [203, {}, true],
    [204, {}, true],
    [301, { Location: '/y' }, true],
    [302, { Location: '/y' }, true],
    [308, { Location: '/y' }, true],
    [404, {}, true],
    [410, {}, true],
    [503, {}, true],
    [401, { 'WWW-Authenticate': 'Basic' }, false],
    [403, {}, true],
    [412, {}, false],
    [416, {}, false],
    [429, { 'Retry-After': '1' }, false],
  ]
  for (const { direct } of waysOut) {
    for (const [status, fields, isStored] of cases) {
      const app = await rig(t, { proxy: { direct } })
      const give = (ask: Ask) => ask.answer(status, { 'Cache-Control': 'max-age=60', ...fields }, 'body')
      const first = await app.answered(app.get(), give)
      const second = await app.answered(app.get(), give)
      t.equal(isHit(second), isStored, String(status))
      for (const got of [first, second]) {
        t.equal(got.status, status)
        t.equal(got.body.toString(), status === 204 ? '' : 'body')
        t.equal(got.headers['location'], fields['Location'])
        t.equal(got.headers['content-length'], status === 204 ? undefined : '4')
      }
      const unmarked = await app.answered(app.get('/z'), ask => ask.answer(status, fields, 'body'))
      t.equal(unmarked.status, status)
      t.equal(await app.entries(), isStored ? 1 : 0, `${status} without a lifetime`)
    }
  }
})

t.test('conditions and ranges mean nothing where the stored answer is no success', async t => {
  const app = await rig(t)
  await app.answered(app.get(), ask => ask.answer(404, fresh(), digits))
  for (const asking of [{ 'If-None-Match': '"v1"' }, { 'If-None-Match': '*' }, { Range: 'bytes=0-1' }] as Fields[]) {
    const got = await app.get('/x', asking)
    t.equal(got.status, 404, JSON.stringify(asking))
    t.equal(got.body.toString(), digits)
    t.ok(isHit(got))
  }
})

t.test('what only the origin can answer goes by what is stored, and leaves it alone', async t => {
  const cases: [Fields, string, string][] = [
    [{ 'If-Match': '"v1"' }, '', 'if-match'],
    [{ 'If-Unmodified-Since': date }, '', 'if-unmodified-since'],
    [{}, 'a body', 'request-body'],
  ]
  for (const { direct } of waysOut) {
    for (const [asking, body, reason] of cases) {
      const app = await rig(t, { proxy: { direct } })
      await app.store(fresh(), digits)
      const got = app.get('/x', asking, 'GET', body)
      const ask = await app.next()
      await ask.request.complete
      t.equal(ask.request.body.toString(), body)
      for (const [name, value] of Object.entries(asking)) t.equal(ask.fields[name.toLowerCase()], value)
      ask.answer(200, fresh({ ETag: '"v2"' }), 'other')
      const answer = await got
      t.equal(answer.body.toString(), 'other', reason)
      t.equal(statusOf(answer), `hearthgate; fwd=bypass; detail=${reason}`)
      const after = await app.get()
      t.ok(isHit(after))
      t.equal(after.body.toString(), digits)
    }
  }
})

t.test('a GET with an empty body is a GET', async t => {
  const app = await rig(t)
  await app.store(fresh(), digits)
  t.ok(isHit(await app.get('/x', { 'Content-Length': 0 })))
})

t.test('the answer of a POST that says it is what GET would bring is kept for GET', async t => {
  const give = (fields: Fields) => async (ask: Ask) => {
    await ask.request.complete
    ask.answer(200, { 'Cache-Control': 'max-age=60', ...fields }, 'made')
  }
  for (const storePost of [true, false]) {
    const app = await rig(t, { cache: { storePost } })
    const got = await app.answered(app.get('/x', {}, 'POST', 'body'), give({ 'Content-Location': '/x' }))
    t.equal(got.body.toString(), 'made')
    await app.whenQuiet()
    const second = await app.answered(app.get(), ask => ask.answer(200, fresh(), 'asked'))
    t.equal(second.body.toString(), storePost ? 'made' : 'asked', `storePost ${storePost}`)
  }
  for (const fields of [{}, { 'Content-Location': '/y' }, { 'Content-Location': '/x', 'Cache-Control': 'no-cache' }]) {
    const app = await rig(t)
    await app.answered(app.get('/x', {}, 'POST', 'body'), give(fields as Fields))
    await app.whenQuiet()
    t.equal(await app.entries(), 0, JSON.stringify(fields))
  }
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-answers-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const store of ['memory', `disk:${folder}`]) {
    const app = await rig(t, { cache: { store } })
    await app.store(fresh(), 'old')
    await app.whenStored()
    await app.answered(app.get('/x', {}, 'POST', 'body'), give({ 'Content-Location': '/x' }))
    await app.whenQuiet()
    const second = await app.answered(app.get(), ask => ask.answer(200, fresh(), 'asked'))
    t.equal(second.body.toString(), 'made', `in the place of what was stored, ${store.slice(0, 6)}`)
  }
})

t.test('an empty answer is stored like any other', async t => {
  for (const { direct } of waysOut) {
    const app = await rig(t, { proxy: { direct } })
    for (const fields of [fresh(), fresh({ 'Content-Type': 'text/css' })]) {
      await app.store(fields, '')
      const got = await app.get()
      t.ok(isHit(got))
      t.equal(got.headers['content-length'], '0')
      t.equal(got.headers['content-type'], fields['Content-Type'])
      await app.app.cache.purge({ by: 'all' })
    }
  }
})

t.test('a stored answer has Age and Date, and nothing that was one client’s', async t => {
  const app = await rig(t)
  await app.store({ 'Cache-Control': 'max-age=600', Age: 100, Connection: 'X-Hop', 'X-Hop': '1', 'X-Own': 'yes' }, 'x')
  const got = await app.get()
  t.ok(isHit(got))
  t.equal(got.headers['age'], '100')
  t.match(got.headers['date'], /GMT$/)
  t.equal(got.headers['x-own'], 'yes')
  t.equal(got.headers['x-hop'], undefined)
  t.match(statusOf(got), /ttl=(500|499)$/)
})

t.test('clients that ask at once for what is stored do not ask the origin', async t => {
  const app = await rig(t)
  await app.store(fresh(), digits)
  const got = await Promise.all(Array.from({ length: 50 }, () => app.get()))
  t.ok(got.every(each => isHit(each) && each.body.toString() === digits))
  t.ok(await staysAt(() => app.asked, 1, 50))
})
