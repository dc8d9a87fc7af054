/** Requests for an address whose answers could not be kept go past the fills; what of them may be kept after all is kept. */
import t from 'tap'
import { type Fields, fresh, type Rig, rig, until } from './rig.ts'

const kept: Fields = { 'Cache-Control': 'max-age=60' }

/** The address is known not to be shared from here on. */
async function learnAlone(app: Rig): Promise<void> {
  const got = app.get('/x')
  ;(await app.next()).answer(200, { 'Cache-Control': 'no-store' }, 'mine')
  t.equal((await got).body.toString(), 'mine')
}

t.test('an answer that may be kept is kept, although those before it could not be', async t => {
  const app = await rig(t)
  await learnAlone(app)
  const got = app.get('/x')
  const ask = await app.next()
  ask.begin(200, kept)
  ask.chunk('first ').chunk('second').end()
  const answer = await got
  t.equal(answer.body.toString(), 'first second')
  t.match(answer.headers['cache-status'], /fwd=uri-miss; stored/)
  const again = await app.get('/x')
  t.equal(again.body.toString(), 'first second')
  t.match(again.headers['cache-status'], /hit/)
  t.equal(app.asked, 2)
})

t.test('what was purged before its head came is not kept', async t => {
  const app = await rig(t)
  await learnAlone(app)
  const got = app.get('/x')
  const ask = await app.next()
  await app.app.cache.purge({ by: 'all' })
  ask.answer(200, kept, 'purged')
  const answer = await got
  t.equal(answer.body.toString(), 'purged')
  t.match(answer.headers['cache-status'], /fwd=uri-miss$/)
  t.equal(await app.entries(), 0)
})

t.test('the word for what is not kept stands in Cache-Status, behind what the origin says', async t => {
  const app = await rig(t)
  await learnAlone(app)
  const got = app.get('/x')
  ;(await app.next()).answer(200, { 'Cache-Control': 'private', 'Cache-Status': 'inner; hit' }, 'mine')
  const answer = await got
  t.same(answer.headers['cache-status']?.split('\n'), ['inner; hit', 'hearthgate; fwd=uri-miss; detail=private'])
})

t.test('a long answer waits for its reader before and after it turns out to be worth keeping', async t => {
  const size = 24 * 1024 * 1024
  for (const fields of [{ 'Cache-Control': 'no-store' }, { 'Cache-Control': 'max-age=60' }]) {
    const app = await rig(t, { cache: { maxObjectBytes: 64 * 1024 * 1024 } })
    await learnAlone(app)
    const client = app.count('/x')
    client.socket.pause()
    const ask = await app.next()
    ask.begin(200, { ...fields, 'Content-Length': size })
    const body = Buffer.alloc(size, 'x')
    ask.bytes(body)
    await new Promise(wake => setTimeout(wake, 300))
    t.ok(ask.socket.writableLength > 0, `${fields['Cache-Control']}: the origin is held up`)
    client.socket.resume()
    await until(() => client.body === size, 10_000, `${client.body} of ${size} bytes`)
    client.close()
  }
})

t.test('a client that leaves ends the request at the origin', async t => {
  for (const fields of [{ 'Cache-Control': 'no-store' }, null]) {
    const app = await rig(t)
    await learnAlone(app)
    const client = app.count('/x')
    const ask = await app.next()
    let isClosed = false
    ask.socket.on('close', () => {
      isClosed = true
    })
    if (fields !== null) {
      ask.begin(200, fields).chunk('some')
      await until(() => client.received > 0)
    }
    client.close()
    await until(() => isClosed, 3_000, 'the origin was not told')
    t.equal((await app.app.cache.stats()).fills, 0)
  }
})

t.test('an app that dies before its head gives 502, in the middle a cut answer, and nothing stays behind', async t => {
  const app = await rig(t)
  await learnAlone(app)
  const got = app.get('/x')
  // On a kept connection it may have been too late to ask: that is asked once more on another.
  ;(await app.next()).cut()
  ;(await app.next(500).catch(() => null))?.cut()
  t.equal((await got).status, 502)
  const cut = app.get('/x')
  ;(await app.next())
    .begin(200, { ...fresh(), 'Content-Length': 100 })
    .bytes('half')
    .cut()
  t.notOk((await cut).isWhole)
  t.equal((await app.app.cache.stats()).fills, 0)
  t.equal(await app.entries(), 0)
})
