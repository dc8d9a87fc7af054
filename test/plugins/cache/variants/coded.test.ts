/** Coded forms of stored answers: made in the background, proved, and sent from then on to whoever takes them. */
import t from 'tap'
import { waysOut } from '../../../support/bare-app.ts'
import { fresh, statusOf } from '../rig.ts'
import { codedRig, decoded, freshText, storeCoded, text, whenEncoderRests } from './coded-rig.ts'

const body = text(800)

/** One for all who only read. */
const shared = await codedRig(t)
await storeCoded(shared, body)

t.test('a stored answer is sent in the best coding that the client takes, with a head that is true', async t => {
  for (const { name, direct } of waysOut) {
    const app = await codedRig(t, { proxy: { direct } })
    await storeCoded(app, body, { 'Accept-Ranges': 'bytes', 'Content-Digest': 'sha-256=:AAAA:', Vary: 'X-Side' })
    for (const [accept, coding] of [
      ['gzip, deflate, br, zstd', 'zstd'],
      ['gzip, br', 'br'],
      ['gzip', 'gzip'],
      ['zstd;q=0.5, gzip', 'gzip'],
    ] as const) {
      const got = await app.get('/x', { 'Accept-Encoding': accept })
      t.match(statusOf(got), /^hearthgate; hit; ttl=/, `${name}, ${accept}`)
      t.equal(got.headers['content-encoding'], coding)
      t.equal(got.headers['etag'], `"v1~hg-${coding}"`)
      t.equal(got.headers['content-length'], String(got.body.length))
      t.ok(got.body.length < body.length / 2)
      t.ok(decoded(got).equals(body))
      t.same(got.headers['vary']?.split('\n'), ['X-Side', 'Accept-Encoding'])
      t.equal(got.headers['accept-ranges'], undefined, 'ranges are cut from the stored bytes')
      t.equal(got.headers['content-digest'], undefined, 'a digest of other bytes')
      t.match(got.headers['age'], /^\d+$/)
    }
    t.equal(app.asked, 1)
  }
})

t.test('who takes no coding gets the stored bytes, told that the answer was negotiated', async t => {
  for (const fields of [{}, { 'Accept-Encoding': 'identity' }, { 'Accept-Encoding': 'br;q=0, gzip;q=0, zstd;q=0' }]) {
    const got = await shared.get('/x', fields)
    t.equal(got.headers['content-encoding'], undefined)
    t.equal(got.headers['vary'], 'Accept-Encoding')
    t.equal(got.headers['etag'], '"v1"')
    t.ok(got.body.equals(body))
  }
})

t.test('HEAD has the head of the coded form', async t => {
  const got = await shared.get('/x', { 'Accept-Encoding': 'br' })
  const head = await shared.get('/x', { 'Accept-Encoding': 'br' }, 'HEAD')
  t.equal(head.headers['content-length'], got.headers['content-length'])
  t.equal(head.headers['content-encoding'], 'br')
  t.equal(head.headers['etag'], '"v1~hg-br"')
})

t.test('a client that has a form of the answer is told that it still holds', async t => {
  const cases = [
    ['br', '"v1~hg-br"', 304, '"v1~hg-br"', 'the form that it would get'],
    ['br', 'W/"v1~hg-br"', 304, '"v1~hg-br"', 'compared weakly'],
    ['br', '*', 304, '"v1~hg-br"', 'any form'],
    ['br', '"v1"', 304, '"v1"', 'the stored bytes, which it takes as well'],
    ['gzip, br', '"v1~hg-gzip"', 304, '"v1~hg-gzip"', 'another form that it takes'],
    ['br', '"v1~hg-gzip"', 200, '"v1~hg-br"', 'a form that it does not take now'],
    ['br, identity;q=0', '"v1"', 200, '"v1~hg-br"', 'stored bytes that it does not take'],
    ['br', '"v0~hg-br"', 200, '"v1~hg-br"', 'a form of something else'],
    ['identity', '"v1"', 304, '"v1"', 'no coding at all'],
  ] as const
  for (const [accept, tags, status, etag, why] of cases) {
    const got = await shared.get('/x', { 'Accept-Encoding': accept, 'If-None-Match': tags })
    t.equal(got.status, status, why)
    t.equal(got.headers['etag'], etag, why)
    t.match(got.headers['vary'], /Accept-Encoding/i, why)
    if (status === 304) t.equal(got.headers['content-encoding'], undefined, why)
  }
  t.equal(shared.asked, 1)
})

t.test('ranges are cut from the stored bytes, and not resumed over a coded form', async t => {
  const accept = { 'Accept-Encoding': 'br' }
  const part = await shared.get('/x', { ...accept, Range: 'bytes=5-14' })
  t.equal(part.status, 206)
  t.equal(part.headers['content-encoding'], undefined)
  t.equal(part.headers['etag'], '"v1"')
  t.equal(part.headers['vary'], 'Accept-Encoding')
  t.ok(part.body.equals(body.subarray(5, 15)))
  t.equal((await shared.get('/x', { ...accept, Range: 'bytes=5-14', 'If-Range': '"v1"' })).status, 206)
  const whole = await shared.get('/x', { ...accept, Range: 'bytes=5-14', 'If-Range': '"v1~hg-br"' })
  t.equal(whole.status, 200)
  t.equal(whole.headers['content-encoding'], 'br')
  t.ok(decoded(whole).equals(body))
  const beyond = await shared.get('/x', { ...accept, Range: `bytes=${body.length}-` })
  t.equal(beyond.status, 416)
})

t.test('a weak tag is the same for every form', async t => {
  const app = await codedRig(t)
  await storeCoded(app, body, { ETag: 'W/"v1"' })
  const got = await app.get('/x', { 'Accept-Encoding': 'br' })
  t.equal(got.headers['etag'], 'W/"v1"')
  t.equal((await app.get('/x', { 'Accept-Encoding': 'br', 'If-None-Match': 'W/"v1"' })).status, 304)
})

t.test('Vary names Accept-Encoding once', async t => {
  const app = await codedRig(t)
  const accept = { 'Accept-Encoding': 'br' }
  await app.answered(app.get('/x', accept), ask => ask.answer(200, freshText({ Vary: 'accept-encoding' }), body))
  await whenEncoderRests(app)
  await app.get('/x', accept)
  await whenEncoderRests(app)
  t.equal((await app.get('/x', accept)).headers['vary'], 'accept-encoding')
})

t.test('what must not be changed, or gains nothing, is left alone, and counted', async t => {
  const app = await codedRig(t)
  const cases = [
    [freshText({ 'Cache-Control': 'max-age=600, no-transform' }), 'no-transform'],
    [freshText({ 'CDN-Cache-Control': 'max-age=600', 'Cache-Control': 'no-transform' }), 'no-transform'],
    [freshText({ 'Content-Encoding': 'br' }), 'coded'],
    [fresh({ 'Content-Type': 'image/png' }), 'type'],
    [freshText({ 'Cache-Control': 'max-age=5' }), 'asked-once'],
  ] as const
  for (const [index, [fields, reason]] of cases.entries()) {
    const target = `/${index}`
    await app.answered(app.get(target), ask => ask.answer(200, fields, body))
    const { coded } = await app.app.cache.stats()
    t.ok((coded.refused[reason] ?? 0) > 0, `${target}: ${reason}`)
    t.equal(coded.queued, 0)
  }
  await app.answered(app.get('/random'), ask =>
    ask.answer(200, freshText(), crypto.getRandomValues(Buffer.alloc(9_000))),
  )
  await whenEncoderRests(app)
  t.equal((await app.app.cache.stats()).coded.refused['no-gain'], 3)
})

t.test('an answer that is fresh for a short time is worth it when it is asked for again', async t => {
  const app = await codedRig(t)
  const give = freshText({ 'Cache-Control': 'max-age=20' })
  await app.answered(app.get(), ask => ask.answer(200, give, body))
  t.equal((await app.app.cache.stats()).coded.queued, 0)
  await app.get()
  await whenEncoderRests(app)
  t.equal((await app.get('/x', { 'Accept-Encoding': 'br' })).headers['content-encoding'], 'br')
})
