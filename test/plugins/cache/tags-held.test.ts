/** What holding an answer back for its tag must not do: delay what drips, keep too much, hide a cut. */
import t from 'tap'
import { waysOut } from '../../support/bare-app.ts'
import { type Fields, pattern, rig, tagOf, until, whenClosed } from './rig.ts'

const MiB = 1024 * 1024
const html: Fields = { 'Content-Type': 'text/html', 'Cache-Control': 'private' }

t.test('a page that drips is not delayed', async t => {
  for (const { name, direct } of waysOut) {
    const app = await rig(t, { proxy: { direct } })
    const announced = { ...html, 'Content-Length': 12 }
    for (const [fields, most] of [
      [html, 500],
      [announced, 350],
    ] as const) {
      const client = app.open()
      const ask = await app.next()
      const isChunked = fields === html
      const begun = Date.now()
      const send = (text: string) => (isChunked ? ask.chunk(text) : ask.bytes(text))
      ask.begin(200, fields)
      send('one ')
      await client.until(text => text.includes('one '))
      t.ok(Date.now() - begun < most, `${name}: first bytes after ${Date.now() - begun} ms`)
      for (const text of ['two ', 'tree']) {
        send(text)
        await client.until(received => received.includes(text))
      }
      if (isChunked) ask.end()
      const answer = await client.answer()
      t.equal(answer.body.toString(), 'one two tree')
      t.ok(answer.isWhole)
      t.equal(answer.headers['etag'], undefined)
      client.close()
    }
  }
})

t.test('a head that no body follows is not delayed either', async t => {
  const app = await rig(t)
  const client = app.open()
  const ask = await app.next()
  const begun = Date.now()
  ask.begin(200, html)
  await client.until(text => text.includes('\r\n\r\n'))
  t.ok(Date.now() - begun < 150, `after ${Date.now() - begun} ms`)
  client.close()
  await whenClosed(ask.socket, 1_000)
})

t.test('streams are passed on as they come', async t => {
  const types = ['text/event-stream', 'text/event-stream; charset=utf-8', 'multipart/x-mixed-replace; boundary=x']
  for (const type of [...types, 'application/x-ndjson', 'application/grpc-web+proto']) {
    const app = await rig(t)
    const client = app.open()
    const ask = await app.next()
    let least = Number.POSITIVE_INFINITY
    for (let times = 0; times < 5; times++) {
      const [other, asked] = times === 0 ? [client, ask] : [app.open(), await app.next()]
      const begun = Date.now()
      asked.begin(200, { 'Content-Type': type }).chunk('event')
      await other.until(received => received.includes('event'))
      least = Math.min(least, Date.now() - begun)
      if (other !== client) other.close()
    }
    // A busy machine delays some of them, what we hold back is late each time.
    t.ok(least < 45, `${type}: after ${least} ms`)
    const text = await client.until(received => received.includes('event'))
    t.notMatch(text.toLowerCase(), /\netag:/, type)
    client.close()
  }
})

t.test('what is too long to be held back goes on without a tag', async t => {
  for (const isChunked of [false, true]) {
    const app = await rig(t)
    const body = pattern(5 * MiB)
    const got = app.get()
    const ask = await app.next()
    if (isChunked) ask.begin(200, html).chunk(body).end()
    else ask.answer(200, html, body)
    const answer = await got
    t.equal(answer.headers['etag'], undefined)
    t.ok(answer.body.equals(body), `chunked ${isChunked}`)
    const most = pattern(4 * MiB)
    const second = app.get()
    ;(await app.next()).answer(200, html, most)
    t.equal((await second).headers['etag'], tagOf(most), 'four are not too long')
  }
})

t.test('trailers survive, with a tag and without', async t => {
  const app = await rig(t)
  for (const isHeld of [true, false]) {
    const client = app.open('/x', { TE: 'trailers' })
    const ask = await app.next()
    ask.begin(200, { ...html, Trailer: 'X-Sum' }).chunk('body')
    if (!isHeld) await client.until(text => text.includes('body'))
    ask.end('X-Sum: 5\r\n')
    const answer = await client.answer()
    t.equal(answer.body.toString(), 'body')
    t.same(answer.trailers, ['X-Sum: 5'])
    t.equal(answer.headers['trailer'], 'X-Sum')
    t.equal(answer.headers['etag'], isHeld ? tagOf('body') : undefined)
    client.close()
  }
})

t.test('an answer that is cut while it is held back is an error, later a cut', async t => {
  const app = await rig(t)
  const early = app.get()
  ;(await app.next())
    .begin(200, { ...html, 'Content-Length': 8 })
    .bytes('half')
    .cut()
  t.equal((await early).status, 502)
  const client = app.open()
  const ask = await app.next()
  ask.begin(200, { ...html, 'Content-Length': 8 }).bytes('half')
  await client.until(text => text.includes('half'))
  ask.cut()
  const late = await client.answer()
  t.equal(late.status, 200)
  t.equal(late.isWhole, false)
  client.close()
})

t.test('a client that leaves meanwhile takes the origin’s work with it', async t => {
  const app = await rig(t)
  const client = app.open()
  const ask = await app.next()
  ask.begin(200, { ...html, 'Content-Length': 8 }).bytes('half')
  client.close()
  await whenClosed(ask.socket, 1_000)
  await app.whenQuiet()
})

t.test('answers that were given up take nothing from the room for later ones', async t => {
  const app = await rig(t)
  const body = pattern(3 * MiB)
  // More than all answers of an app may hold back together, cut by the origin and left by the client.
  for (let i = 0; i < 48; i++) {
    const client = app.count(`/${i}`)
    const ask = await app.next()
    ask.begin(200, { ...html, 'Content-Length': 4 * MiB }).bytes(body)
    if (i % 2 === 0) ask.socket.end()
    else {
      await until(() => ask.socket.writableLength === 0)
      client.close()
    }
    await whenClosed(ask.socket, 2_000)
    client.close()
  }
  const got = app.get()
  ;(await app.next()).answer(200, html, 'page')
  t.equal((await got).headers['etag'], tagOf('page'))
})

t.test('all answers together hold back no more than their bound, and arrive whole', async t => {
  const app = await rig(t)
  const body = pattern(4 * MiB)
  const clients = Array.from({ length: 20 }, (_, i) => app.count(`/${i}`))
  const asks = await Promise.all(clients.map(() => app.next()))
  for (const ask of asks) ask.begin(200, { ...html, 'Content-Length': body.length }).bytes(body.subarray(0, -1))
  for (const client of clients) await until(() => client.body === body.length - 1, 5_000)
  for (const ask of asks) ask.bytes(body.subarray(-1))
  for (const client of clients) await until(() => client.body === body.length, 5_000)
  for (const client of clients) client.close()
})
