/** Concurrent misses of one address share one request to the origin, and nobody gets what is another's. */
import { readFileSync } from 'node:fs'
import http2 from 'node:http2'
import https from 'node:https'
import t from 'tap'
import { waysOut } from '../../support/bare-app.ts'
import type { RawAnswer } from '../../support/raw-client.ts'
import { answers, type Fields, fresh, openMany, pattern, rig, statusOf, staysAt, until, whenClosed } from './rig.ts'

const cert = readFileSync(new URL('../../support/certs/localhost.cert.pem', import.meta.url))
const key = readFileSync(new URL('../../support/certs/localhost.key.pem', import.meta.url))

t.test('concurrent misses make one request and everybody gets the whole body', async t => {
  for (const { name, direct } of waysOut) {
    const app = await rig(t, { proxy: { direct } })
    const clients = openMany(t, app, 20)
    await app.whenWaiting(20)
    const body = pattern(300_000)
    const ask = await app.next()
    ask.answer(200, fresh(), body)
    const got = await answers(clients)
    t.ok(
      got.every(each => each.status === 200 && each.isWhole && each.body.equals(body)),
      `every body ${name}`,
    )
    t.equal(app.asked, 1, name)
    t.equal(got.filter(each => statusOf(each).includes('; collapsed')).length, 19, `collapsed ${name}`)
    t.equal(statusOf((await app.get()) as RawAnswer).startsWith('hearthgate; hit'), true, `then a hit ${name}`)
  }
})

t.test('bytes reach those who wait as they arrive, and those who come later from the first on', async t => {
  const app = await rig(t)
  const [first, second] = openMany(t, app, 2)
  await app.whenWaiting(2)
  const ask = await app.next()
  ask.begin(200, fresh()).chunk('one ')
  for (const client of [first!, second!]) await client.until(text => text.includes('one '))
  const [late] = openMany(t, app, 1)
  await late!.until(text => text.includes('one '))
  ask.chunk('two')
  ask.end()
  for (const got of await answers([first!, second!, late!])) t.equal(got.body.toString(), 'one two')
  t.equal(app.asked, 1)
})

t.test('a stalled reader does not hold another', async t => {
  const app = await rig(t)
  const [stalled, quick] = openMany(t, app, 2)
  await app.whenWaiting(2)
  stalled!.socket.pause()
  const body = pattern(6 * 1024 * 1024)
  const ask = await app.next()
  ask.answer(200, fresh(), body)
  t.ok((await quick!.answer()).body.equals(body))
  stalled!.socket.resume()
  t.ok((await stalled!.answer()).body.equals(body))
  t.equal(app.asked, 1)
})

t.test('a sole reader that stalls stops the origin', async t => {
  for (const fields of [fresh(), { 'Cache-Control': 'private' }] as Fields[]) {
    const app = await rig(t, { cache: { maxObjectBytes: 256 * 1024 * 1024, maxBytes: 1024 ** 3 } })
    const stalled = app.count()
    stalled.socket.pause()
    const ask = await app.next()
    const body = Buffer.alloc(48 * 1024 * 1024, 'x')
    ask.answer(200, fields, body)
    // What the sockets' buffers take is sent; the rest waits.
    let left = -1
    await until(async () => {
      const before = left
      left = ask.socket.writableLength
      await new Promise(wake => setTimeout(wake, 150))
      return before === left
    }, 5_000)
    t.ok(left > 24 * 1024 * 1024, `${left} bytes wait at the origin`)
    stalled.socket.resume()
    await until(() => stalled.body === body.length, 5_000, `only ${stalled.body} of ${body.length}`)
    stalled.close()
  }
})

t.test('the leader may leave before the head, and the others get all', async t => {
  const app = await rig(t)
  const leader = app.open()
  const ask = await app.next()
  const others = openMany(t, app, 3)
  await app.whenWaiting(4)
  leader.close()
  await app.whenWaiting(3)
  ask.answer(200, fresh(), 'all of it')
  for (const got of await answers(others)) t.equal(got.body.toString(), 'all of it')
  t.equal(app.asked, 1)
})

t.test('the leader may leave in the middle of the body, and the others get all', async t => {
  const app = await rig(t)
  const leader = app.open()
  const ask = await app.next()
  const others = openMany(t, app, 3)
  await app.whenWaiting(4)
  ask.begin(200, fresh({ 'Content-Length': 8 })).bytes('half')
  for (const client of [leader, ...others]) await client.until(text => text.endsWith('half'))
  leader.close()
  await app.whenWaiting(3)
  ask.bytes('full')
  for (const got of await answers(others)) t.equal(got.body.toString(), 'halffull')
  t.equal(app.asked, 1)
  await app.whenStored()
})

t.test('when all leave the origin is let go at once and nothing is stored', async t => {
  for (const moment of ['before the head', 'in the body']) {
    const app = await rig(t)
    const clients = openMany(t, app, 3)
    await app.whenWaiting(3)
    const ask = await app.next()
    if (moment === 'in the body') {
      ask.begin(200, fresh()).chunk('half')
      for (const client of clients) await client.until(text => text.includes('half'))
    }
    for (const client of clients) client.close()
    await whenClosed(ask.socket, 1_000)
    await app.whenQuiet()
    t.equal(await app.entries(), 0, moment)
  }
})

t.test('without coalescing every miss asks', async t => {
  const app = await rig(t, { cache: { coalesce: false } })
  const clients = openMany(t, app, 4)
  await until(() => app.asked === 4)
  for (let i = 0; i < 4; i++) (await app.next()).answer(200, fresh(), 'x')
  for (const got of await answers(clients)) t.equal(got.body.toString(), 'x')
})

t.test('a cut answer takes nothing from the room for later ones', async t => {
  const app = await rig(t)
  const half = pattern(7 * 1024 * 1024)
  // More than all fills of an app may keep together.
  for (let i = 0; i < 10; i++) {
    const client = app.count(`/${i}`)
    const ask = await app.next()
    ask.begin(200, fresh({ 'Content-Length': 8 * 1024 * 1024 })).bytes(half)
    await until(() => client.body === half.length, 5_000)
    ask.cut()
    await whenClosed(client.socket, 1_000)
  }
  const first = app.open('/last')
  const ask = await app.next()
  const start = pattern(2 * 1024 * 1024)
  ask.begin(200, fresh()).chunk(start)
  await first.until(text => text.length > start.length)
  const late = app.open('/last')
  const isShared = await staysAt(() => app.asked, 11)
  t.ok(isShared, 'a late reader still joins')
  if (!isShared) (await app.next()).answer(200, fresh(), Buffer.concat([start, Buffer.from('end')]))
  ask.chunk('end')
  ask.end()
  for (const client of [first, late]) t.equal((await client.answer()).body.length, start.length + 3)
})

t.test('clients of HTTP/2 and TLS share with each other', async t => {
  const app = await rig(t, { server: { http2: true, https: { key, cert, allowHTTP1: true } } })
  const session = http2.connect(`https://127.0.0.1:${app.port}`, { rejectUnauthorized: false })
  t.teardown(() => session.destroy())
  const streams = [1, 2, 3].map(() => {
    const stream = session.request({ ':path': '/x', ':authority': 'app.test' })
    stream.end()
    return stream
  })
  const overTls = new Promise<string>((resolve, reject) => {
    const options = { port: app.port, host: '127.0.0.1', path: '/x', headers: { host: 'app.test' }, agent: false }
    https
      .get({ ...options, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] } as https.RequestOptions, answer => {
        answer.setEncoding('utf8')
        let text = ''
        answer.on('data', chunk => {
          text += chunk
        })
        answer.on('end', () => resolve(text))
      })
      .on('error', reject)
  })
  await app.whenWaiting(4)
  const ask = await app.next()
  ask.answer(200, fresh(), 'for all')
  const bodies = streams.map(stream => stream.setEncoding('utf8').toArray())
  for (const body of await Promise.all(bodies)) t.equal(body.join(''), 'for all')
  t.equal(await overTls, 'for all')
  t.equal(app.asked, 1)
})
