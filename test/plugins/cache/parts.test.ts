/** Answers with status 206 in the store: kept, joined, used for what lies within them (RFC 9111 §3.3, §3.4). */
import t from 'tap'
import { waysOut } from '../../support/bare-app.ts'
import type { RawAnswer } from '../../support/raw-client.ts'
import { type Ask, type Fields, fresh, rig, statusOf } from './rig.ts'

const digits = '0123456789'
const date = 'Mon, 02 Nov 2026 10:00:00 GMT'

const isHit = (answer: RawAnswer) => /^hearthgate; hit/.test(statusOf(answer))

const part = (first: number, last: number, fields: Fields = {}): Fields =>
  fresh({ 'Content-Range': `bytes ${first}-${last}/10`, ...fields })

const givePart = (fields: Fields) => (ask: Ask) => {
  const [, first, last] = /bytes=(\d+)-(\d+)/.exec(ask.fields['range'] ?? '') ?? []
  ask.answer(206, part(Number(first), Number(last), fields), digits.slice(Number(first), Number(last) + 1))
}

t.test('parts are stored, and joined where a strong tag says that they are of the same bytes', async t => {
  const tags: [string, Fields, boolean][] = [
    ['strong', { ETag: '"v1"' }, true],
    ['weak', { ETag: 'W/"v1"' }, false],
    ['a date', { ETag: '', 'Last-Modified': date }, false],
  ]
  for (const { direct } of waysOut) {
    for (const [name, fields, isJoined] of tags) {
      const app = await rig(t, { proxy: { direct } })
      const give = givePart(fields)
      await app.answered(app.get('/x', { Range: 'bytes=0-3' }), give)
      await app.whenStored()
      t.ok(isHit(await app.get('/x', { Range: 'bytes=1-2' })), `${name}: within the part`)
      t.equal((await app.get('/x', { Range: 'bytes=1-2' })).body.toString(), '12')
      const beyond = await app.answered(app.get('/x', { Range: 'bytes=4-6' }), give)
      t.equal(beyond.body.toString(), '456')
      await app.whenQuiet()
      const across = await app.answered(app.get('/x', { Range: 'bytes=2-5' }), give)
      t.equal(across.status, 206)
      t.equal(across.body.toString(), '2345')
      t.equal(across.headers['content-range'], 'bytes 2-5/10')
      t.equal(isHit(across), isJoined, name)
    }
  }
})

t.test('parts that make the whole are the whole', async t => {
  const orders = [
    ['0-3', '4-9'],
    ['4-9', '0-3'],
    ['0-5', '3-9'],
    ['3-6', '0-4', '5-9'],
  ]
  for (const ranges of orders) {
    const app = await rig(t)
    for (const range of ranges) {
      await app.answered(app.get('/x', { Range: `bytes=${range}` }), givePart({}))
      await app.whenQuiet()
    }
    const whole = await app.answered(app.get(), ask => ask.answer(500))
    t.equal(whole.status, 200, ranges.join())
    t.equal(whole.body.toString(), digits, ranges.join())
    t.equal(whole.headers['content-range'], undefined)
    t.equal(whole.headers['content-length'], '10')
    t.ok(isHit(whole))
  }
})

t.test('what is said of one part is not said of what is made of it', async t => {
  const app = await rig(t)
  const digest: Fields = { 'Content-Digest': 'sha-256=:AAAA:', 'Content-MD5': 'AAAA', 'Repr-Digest': 'sha-256=:BBBB:' }
  const check = async (range: string | null, body: string) => {
    const got = await app.get('/x', range === null ? {} : { Range: range })
    t.equal(got.body.toString(), body)
    t.equal(got.headers['content-digest'], undefined, `${range}`)
    t.equal(got.headers['content-md5'], undefined, `${range}`)
    t.equal(got.headers['repr-digest'], 'sha-256=:BBBB:', `${range}`)
  }
  await app.answered(app.get('/x', { Range: 'bytes=0-3' }), givePart(digest))
  await app.whenQuiet()
  await check('bytes=1-2', '12')
  await app.answered(app.get('/x', { Range: 'bytes=4-9' }), givePart(digest))
  await app.whenQuiet()
  await check('bytes=2-5', '2345')
  await check(null, digits)
})

t.test('parts of other bytes, or with a gap between them, are not joined', async t => {
  const seconds: [string, Fields, string][] = [
    ['another tag', part(4, 9, { ETag: '"v2"' }), 'bytes=4-9'],
    ['another length', fresh({ 'Content-Range': 'bytes 4-9/12' }), 'bytes=4-9'],
    ['a gap', part(5, 9), 'bytes=5-9'],
    ['a length that is not that of its bytes', fresh({ 'Content-Range': 'bytes 4-9/10' }), 'bytes=4-9'],
  ]
  for (const [name, fields, range] of seconds) {
    const app = await rig(t)
    await app.answered(app.get('/x', { Range: 'bytes=0-3' }), givePart({}))
    await app.whenStored()
    const body = name === 'a gap' ? '56789' : name.startsWith('a length') ? 'XXX' : 'XXXXXX'
    await app.answered(app.get('/x', { Range: range }), ask => ask.answer(206, fields, body))
    await app.whenQuiet()
    const whole = await app.answered(app.get(), ask => ask.answer(200, fresh(), 'new'))
    t.equal(whole.body.toString(), 'new', name)
    t.notOk(isHit(whole), name)
  }
})

t.test('a part answers nobody who wants more than it', async t => {
  const app = await rig(t)
  await app.answered(app.get('/x', { Range: 'bytes=2-5' }), givePart({}))
  await app.whenStored()
  const wanted: Fields[] = [
    { Range: 'bytes=1-3' },
    { Range: 'bytes=4-8' },
    { Range: 'bytes=4-' },
    { Range: 'bytes=-2' },
    { Range: 'bytes=2-2,4-4' },
    { Range: 'bytes=2-3', 'If-Range': '"v2"' },
  ]
  for (const asking of wanted) {
    const got = await app.answered(app.get('/x', asking), ask => ask.answer(200, { 'Cache-Control': 'no-store' }, 'o'))
    t.equal(got.body.toString(), 'o', JSON.stringify(asking))
    const only = app.get('/x', { ...asking, 'Cache-Control': 'only-if-cached' })
    const refused = await app.answered(only, ask => ask.answer(200, { 'Cache-Control': 'no-store' }, 'asked'))
    t.equal(refused.status, 504, `only-if-cached ${JSON.stringify(asking)}`)
  }
  t.ok(isHit(await app.get('/x', { Range: 'bytes=2-3', 'If-Range': '"v1"' })))
  t.equal((await app.get('/x', { Range: 'bytes=2-3', 'If-None-Match': '"v1"' })).status, 304)
})

t.test('a part is not stored where the app says so', async t => {
  const app = await rig(t, { cache: { storePartial: false } })
  const got = await app.answered(app.get('/x', { Range: 'bytes=0-3' }), givePart({}))
  t.match(statusOf(got), /detail=partial/)
  await app.whenQuiet()
  t.equal(await app.entries(), 0)
})

t.test('a part that nobody asked for, or of which it is not known what it is, is passed on and not stored', async t => {
  const cases: [string, Fields, Fields][] = [
    ['partial-unasked', {}, part(0, 3)],
    ['partial-malformed', { Range: 'bytes=0-3' }, fresh()],
    ['partial-malformed', { Range: 'bytes=0-3' }, fresh({ 'Content-Range': 'bytes 0-7/10' })],
    ['partial-multipart', { Range: 'bytes=0-1,3-3' }, fresh({ 'Content-Type': 'multipart/byteranges; boundary=x' })],
  ]
  for (const [reason, asking, fields] of cases) {
    const app = await rig(t)
    const got = await app.answered(app.get('/x', asking), ask => ask.answer(206, fields, '0123'))
    t.equal(got.status, 206)
    t.equal(got.body.toString(), '0123')
    t.match(statusOf(got), new RegExp(`detail=${reason}`))
    t.equal(await app.entries(), 0)
  }
})
