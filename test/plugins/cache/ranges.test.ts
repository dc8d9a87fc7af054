/** Ranges of a stored answer, and of one that is still arriving (RFC 9110 §14). */
import t from 'tap'
import { waysOut } from '../../support/bare-app.ts'
import type { RawAnswer } from '../../support/raw-client.ts'
import { type Fields, fresh, pattern, rig, statusOf, whenClosed } from './rig.ts'

const digits = '0123456789'
const date = 'Mon, 02 Nov 2026 10:00:00 GMT'

const isHit = (answer: RawAnswer) => /^hearthgate; hit/.test(statusOf(answer))

const lines = (fields: Fields) =>
  Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')

t.test('ranges are cut out of what is stored', async t => {
  const cases: [string, number, string, string | undefined][] = [
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-2', 206, '89', 'bytes 8-9/10'],
    ['bytes=-20', 206, digits, 'bytes 0-9/10'],
    ['bytes=0-', 206, digits, 'bytes 0-9/10'],
    ['bytes=8-20', 206, '89', 'bytes 8-9/10'],
    ['bytes=0-3,2-5', 206, '012345', 'bytes 0-5/10'],
    ['bytes=10-', 416, '', 'bytes */10'],
    ['bytes=-0', 416, '', 'bytes */10'],
    ['bytes=4-2', 200, digits, undefined],
    ['lines=0-1', 200, digits, undefined],
    ['bytes=x', 200, digits, undefined],
    ['bytes=0-0,2-2,4-4,6-6,8-8,0-0,2-2,4-4,6-6', 200, digits, undefined],
  ]
  for (const { direct } of waysOut) {
    const app = await rig(t, { proxy: { direct } })
    await app.store(fresh({ 'Content-Type': 'text/css' }), digits)
    for (const [range, status, body, contentRange] of cases) {
      const got = await app.get('/x', { Range: range })
      t.equal(got.status, status, range)
      t.equal(got.body.toString(), body, range)
      t.equal(got.headers['content-range'], contentRange, range)
      t.equal(got.headers['content-length'], String(body.length), range)
      t.equal(got.headers['content-type'], status === 416 ? undefined : 'text/css', range)
      t.ok(isHit(got), range)
    }
    t.equal(app.asked, 1)
  }
})

t.test('several ranges come as parts', async t => {
  for (const { direct } of waysOut) {
    const app = await rig(t, { proxy: { direct } })
    await app.store(fresh({ 'Content-Type': 'text/css' }), digits)
    const got = await app.get('/x', { Range: 'bytes=0-1,-2' })
    t.equal(got.status, 206)
    const boundary = /^multipart\/byteranges; boundary=(\w+)$/.exec(got.headers['content-type'] ?? '')?.[1]
    const part = (range: string, bytes: string) =>
      `--${boundary}\r\nContent-Type: text/css\r\nContent-Range: bytes ${range}/10\r\n\r\n${bytes}\r\n`
    t.equal(got.body.toString(), `${part('0-1', '01')}${part('8-9', '89')}--${boundary}--\r\n`)
    t.equal(got.headers['content-range'], undefined)
    t.ok(got.isWhole)
    const again = await app.get('/x', { Range: 'bytes=0-1,-2' })
    t.not(again.headers['content-type'], got.headers['content-type'], 'nobody can foresee the boundary')
  }
})

t.test('what is said of the whole content is not said of a part of it', async t => {
  // RFC 9530 §2: Content-Digest is about the bytes of this message, Repr-Digest about the whole.
  const about: Fields = { 'Content-Digest': 'sha-256=:AAAA:', 'Content-MD5': 'AAAA', 'Repr-Digest': 'sha-256=:BBBB:' }
  const app = await rig(t)
  await app.store(fresh(about), digits)
  t.equal((await app.get()).headers['content-digest'], 'sha-256=:AAAA:')
  for (const range of ['bytes=0-1', 'bytes=0-1,8-9', 'bytes=10-']) {
    const got = await app.get('/x', { Range: range })
    t.equal(got.headers['content-digest'], undefined, range)
    t.equal(got.headers['content-md5'], undefined, range)
  }
  await app.app.cache.purge({ by: 'all' })
  const first = app.open()
  const ask = await app.next()
  ask.begin(200, fresh({ ...about, 'Content-Length': 10 })).bytes('01234')
  await first.until(text => text.endsWith('01234'))
  for (const range of ['bytes=0-1', 'bytes=10-']) {
    const got = await app.get('/x', { Range: range })
    t.equal(got.headers['content-digest'], undefined, `${range} while it arrives`)
    t.equal(got.headers['content-md5'], undefined, `${range} while it arrives`)
  }
  ask.bytes('56789')
  await first.answer()
  first.close()
})

t.test('If-Range lets a range be followed where it names exactly what is stored', async t => {
  const stored: [Fields, string, number][] = [
    [{ ETag: '"v1"' }, '"v1"', 206],
    [{ ETag: '"v1"' }, '"v2"', 200],
    [{ ETag: 'W/"v1"' }, 'W/"v1"', 200],
    [{ ETag: '"v1"', 'Last-Modified': date }, date, 206],
    [{ ETag: '"v1"', 'Last-Modified': date }, 'Tue, 03 Nov 2026 10:00:00 GMT', 200],
    [{ ETag: '"v1"' }, date, 200],
  ]
  for (const [fields, ifRange, status] of stored) {
    const app = await rig(t)
    await app.store(fresh(fields), digits)
    const got = await app.get('/x', { Range: 'bytes=1-2', 'If-Range': ifRange })
    t.equal(got.status, status, `${JSON.stringify(fields)} ${ifRange}`)
    t.equal(got.body.toString(), status === 206 ? '12' : digits)
  }
})

t.test('a large stored body is sent in ranges as it is whole', async t => {
  for (const { direct } of waysOut) {
    const app = await rig(t, { proxy: { direct } })
    const body = pattern(2_000_000)
    await app.store(fresh(), body)
    t.ok((await app.get()).body.equals(body))
    const part = await app.get('/x', { Range: 'bytes=500000-1499999' })
    t.ok(part.body.equals(body.subarray(500_000, 1_500_000)))
  }
})

t.test('a range of an answer that is still arriving is sent as soon as its bytes are there', async t => {
  const app = await rig(t)
  const first = app.open()
  const ask = await app.next()
  ask.begin(200, fresh({ 'Content-Length': 10 })).bytes('01234')
  await first.until(text => text.endsWith('01234'))
  const early = await app.get('/x', { Range: 'bytes=1-3' })
  t.equal(early.status, 206)
  t.equal(early.body.toString(), '123')
  t.equal(early.headers['content-range'], 'bytes 1-3/10')
  t.match(statusOf(early), /collapsed/)
  t.equal((await app.get('/x', { Range: 'bytes=20-' })).status, 416)
  t.equal((await app.get('/x', { 'If-None-Match': '"v1"' })).status, 304)
  t.equal((await app.get('/x', { Range: 'bytes=1-3', 'If-Range': '"v1"' })).status, 206)
  const several = app.open('/x', { Range: 'bytes=0-0,9-9' })
  const tail = app.open('/x', { Range: 'bytes=-3' })
  const other = app.open('/x', { Range: 'bytes=1-3', 'If-Range': '"v0"' })
  await app.whenWaiting(4)
  ask.bytes('56789')
  t.equal((await tail.answer()).body.toString(), '789')
  const whole = await several.answer()
  t.equal(whole.status, 200, 'of several ranges the whole')
  t.equal(whole.body.toString(), digits)
  t.equal((await other.answer()).body.toString(), digits)
  t.equal((await first.answer()).body.toString(), digits)
  t.equal(app.asked, 1)
  for (const client of [first, several, tail, other]) client.close()
})

t.test('of an answer that says no length the whole is sent', async t => {
  const app = await rig(t)
  const first = app.open()
  const ask = await app.next()
  ask.begin(200, fresh()).chunk('01234')
  await first.until(text => text.includes('01234'))
  const ranged = app.open('/x', { Range: 'bytes=1-3' })
  await app.whenWaiting(2)
  ask.chunk('56789').end()
  const got = await ranged.answer()
  t.equal(got.status, 200)
  t.equal(got.body.toString(), digits)
  t.equal((await first.answer()).body.toString(), digits)
  t.equal((await app.get('/x', { Range: 'bytes=1-3' })).body.toString(), '123', 'stored it has one')
  for (const client of [first, ranged]) client.close()
})

t.test('a range or a condition that nothing is stored for goes up as it came', async t => {
  const cases: [Fields, number, Fields][] = [
    [{ Range: 'bytes=2-4' }, 206, fresh({ 'Content-Range': 'bytes 2-4/10', 'Content-Length': 3 })],
    [{ Range: 'bytes=2-4', 'If-Range': '"v1"' }, 206, fresh({ 'Content-Range': 'bytes 2-4/10', 'Content-Length': 3 })],
    [{ 'If-None-Match': '"v1"' }, 304, fresh()],
    [{ 'If-Modified-Since': date }, 304, fresh()],
    [{ Range: 'bytes=20-' }, 416, { 'Content-Range': 'bytes */10', 'Content-Length': 0 }],
  ]
  for (const [asking, status, fields] of cases) {
    const app = await rig(t)
    const got = app.get('/x', asking)
    const ask = await app.next()
    for (const [name, value] of Object.entries(asking)) t.equal(ask.fields[name.toLowerCase()], value)
    ask.socket.write(`HTTP/1.1 ${status} Status\r\n${lines(fields)}\r\n${status === 206 ? '234' : ''}`)
    const answer = await got
    t.equal(answer.status, status)
    if (status === 206) t.equal(answer.body.toString(), '234')
  }
})

t.test('where the whole is known to be anybody’s a range fetches and stores it', async t => {
  const app = await rig(t)
  await app.store(fresh(), digits)
  await app.app.cache.purge({ by: 'all' })
  const client = app.open('/x', { Range: 'bytes=1-3' })
  const ask = await app.next()
  t.equal(ask.fields['range'], undefined)
  ask.begin(200, fresh({ 'Content-Length': 10 })).bytes('01234')
  const got = await client.answer()
  t.equal(got.status, 206)
  t.equal(got.body.toString(), '123')
  ask.bytes('56789')
  await app.whenStored()
  t.equal((await app.get()).body.toString(), digits)
  client.close()
})

t.test('where nothing is to be stored nobody’s answer is not fetched to its end', async t => {
  // The client has its 304; the rest of the body is for nobody.
  const app = await rig(t)
  await app.store({ 'Cache-Control': 'max-age=60', Age: 61, ETag: '"v1"' })
  const client = app.open('/x', { 'If-None-Match': '"v2"' })
  const ask = await app.next()
  ask.begin(200, { 'Cache-Control': 'private', ETag: '"v2"' }).chunk('the first of many')
  t.equal((await client.answer()).status, 304)
  await whenClosed(ask.socket, 1_000).catch(() => t.fail('the origin still sends'))
  await app.whenQuiet(500).catch(error => t.fail(error.message))
  client.close()
  ask.cut()
})

t.test('an answer that turns out too long to be stored is asked for with its conditions from then on', async t => {
  const app = await rig(t, { cache: { maxObjectBytes: 1_000 } })
  const first = app.get()
  ;(await app.next()).begin(200, fresh()).chunk(pattern(2_000)).end()
  t.equal((await first).body.length, 2_000)
  const second = app.get('/x', { 'If-None-Match': '"v1"' })
  const ask = await app.next()
  t.equal(ask.fields['if-none-match'], '"v1"', 'the origin may answer 304')
  if (ask.fields['if-none-match'] === undefined) ask.begin(200, fresh()).chunk(pattern(2_000)).end()
  else ask.answer(304, fresh())
  t.equal((await second).status, 304)
})
