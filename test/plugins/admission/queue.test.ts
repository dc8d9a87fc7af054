/** Who gets a place, who waits, who is refused: on real sockets, with an origin that answers when the test says so. */
import { type AddressInfo, connect } from 'node:net'
import t from 'tap'
import { startRig } from './rig.ts'

t.test('no more requests than the limit are at the origin, and the next goes when one has ended', async t => {
  const rig = await startRig(t, { defaults: { maxConcurrency: 2 } })
  const asked = ['/1', '/2', '/3', '/4'].map(path => rig.ask(path))
  await rig.holds(2)
  await rig.waits(2)
  t.equal(rig.held.length, 2)
  t.match(rig.lane(), { limit: 2, mode: 'fixed', inFlight: 2, waiting: 2 })
  rig.held[0]!.answer()
  await rig.holds(3)
  t.equal(rig.held.length, 3)
  rig.held[1]!.answer()
  rig.held[2]!.answer()
  await rig.holds(4)
  rig.held[3]!.answer()
  for (const { answer } of asked) t.equal((await answer).status, 200)
  t.match(rig.lane(), { inFlight: 0, waiting: 0 })
})

t.test('beyond the queue the answer is 503 at once, with Retry-After and Proxy-Status', async t => {
  const rig = await startRig(t, { defaults: { maxConcurrency: 1, queue: 1 } })
  const first = rig.ask('/1')
  await rig.holds(1)
  const second = rig.ask('/2')
  await rig.waits(1)
  const { status, headers, body, ms } = await rig.ask('/3').answer
  t.equal(status, 503)
  t.equal(headers['proxy-status'], 'hearthgate; error=connection_limit_reached')
  t.match(headers['retry-after'], /^[1-9]\d?$/)
  t.match(JSON.parse(body), { code: 'HG_OVERLOADED', statusCode: 503 })
  t.ok(ms < 1000)
  t.equal(rig.shed('queue-full'), 1)
  rig.held[0]!.answer()
  await rig.holds(2)
  rig.held[1]!.answer()
  t.same([(await first.answer).status, (await second.answer).status], [200, 200])
})

t.test('who has waited too long is told so', async t => {
  const rig = await startRig(t, { defaults: { maxConcurrency: 1, queueTimeoutMs: 100 } })
  const first = rig.ask('/1')
  await rig.holds(1)
  const { status, headers, ms } = await rig.ask('/2').answer
  t.equal(status, 503)
  t.ok(headers['retry-after'])
  t.ok(ms >= 100, `after ${ms} ms`)
  t.equal(rig.shed('queue-timeout'), 1)
  rig.held[0]!.answer()
  await first.answer
  t.equal(rig.held.length, 1, 'the origin never saw it')
})

t.test('who leaves while waiting leaves the queue, and the origin never hears of it', async t => {
  const rig = await startRig(t, { defaults: { maxConcurrency: 1 } })
  const first = rig.ask('/1')
  await rig.holds(1)
  const second = rig.ask('/2')
  await rig.waits(1)
  second.leave()
  await rig.waits(0)
  rig.held[0]!.answer()
  await first.answer
  t.equal(rig.held.length, 1)
  t.match(rig.lane(), { inFlight: 0, waiting: 0 })
})

t.test('who leaves while the origin works gives the place back', async t => {
  const rig = await startRig(t, { defaults: { maxConcurrency: 1 } })
  const first = rig.ask('/1')
  await rig.holds(1)
  const second = rig.ask('/2')
  await rig.waits(1)
  first.leave()
  await rig.holds(2)
  rig.held[1]!.answer()
  t.equal((await second.answer).body, 'answer to /2')
})

t.test('a page goes before pictures, whatever came first', async t => {
  const rig = await startRig(t, { defaults: { maxConcurrency: 1 } })
  const first = rig.ask('/first')
  await rig.holds(1)
  const pictures = [1, 2, 3].map(n => rig.ask(`/picture/${n}`, { headers: { accept: 'image/*' } }))
  await rig.waits(3)
  const page = rig.ask('/page', { headers: { accept: 'text/html' } })
  await rig.waits(4)
  const all = [first, page, ...pictures]
  for (let n = 1; n <= all.length; n++) {
    await rig.holds(n)
    rig.held[n - 1]!.answer()
  }
  await Promise.all(all.map(({ answer }) => answer))
  t.strictSame(
    rig.held.map(({ path }) => path),
    ['/first', '/page', '/picture/1', '/picture/2', '/picture/3'],
  )
})

t.test('nobody waits for ever between what is more urgent and what is less', async t => {
  const rig = await startRig(t, { defaults: { maxConcurrency: 1 } })
  const ask = (path: string, accept: string) => rig.ask(path, { headers: { accept } })
  const all = [ask('/first', 'text/html')]
  await rig.holds(1)
  all.push(ask('/style', 'text/css'))
  await rig.waits(1)
  // Behind it pictures that wait for as long as it does, in front of it a page at each turn.
  for (let n = 0; n < 4; n++) all.push(ask(`/picture/${n}`, 'image/*'))
  await rig.waits(5)
  for (let n = 0; n < 24 && rig.held.at(-1)?.path !== '/style'; n++) {
    all.push(ask(`/page/${n}`, 'text/html'))
    await rig.waits(6)
    rig.held.at(-1)!.answer()
    await rig.holds(n + 2)
  }
  t.ok(rig.held.length <= 10, `after ${rig.held.length} others`)
  for (let n = rig.held.length; n <= all.length; n++) {
    rig.held.at(-1)!.answer()
    await rig.holds(Math.min(all.length, n + 1))
  }
  for (const { answer } of all) t.equal((await answer).status, 200)
})

t.test('while pages are asked for, pictures leave a quarter of the places free', async t => {
  const rig = await startRig(t, { defaults: { maxConcurrency: 4 } })
  const pages = [1, 2, 3, 4, 5].map(n => rig.ask(`/page/${n}`, { headers: { accept: 'text/html' } }))
  await rig.holds(4)
  await rig.waits(1)
  const pictures = [1, 2, 3, 4].map(n => rig.ask(`/picture/${n}`, { headers: { accept: 'image/*' } }))
  await rig.waits(5)
  for (let n = 0; n < 4; n++) rig.held[n]!.answer()
  await rig.holds(8)
  rig.held[4]!.answer()
  await Promise.all(pages.map(({ answer }) => answer))
  await rig.waits(1)
  t.match(rig.lane(), { inFlight: 3, waiting: 1 }, 'one place of four stays free')
  const page = rig.ask('/page/6', { headers: { accept: 'text/html' } })
  await rig.holds(9)
  t.equal(rig.held[8]!.path, '/page/6', 'for this one')
  for (const held of rig.held.slice(5)) held.answer()
  await rig.holds(9)
  await page.answer
  await rig.waits(0)
  for (const held of rig.held) held.answer()
  await Promise.all(pictures.map(({ answer }) => answer))
})

t.test('one client with many requests does not hold up another with one', async t => {
  const rig = await startRig(t, { defaults: { maxConcurrency: 1 } })
  const first = rig.ask('/first')
  await rig.holds(1)
  const many = Array.from({ length: 8 }, (_, n) => rig.ask(`/many/${n}`))
  await rig.waits(8)
  const other = rig.ask('/other', { localAddress: '127.0.0.9' })
  await rig.waits(9)
  const all = [first, ...many, other]
  for (let n = 1; n <= all.length; n++) {
    await rig.holds(n)
    rig.held[n - 1]!.answer()
  }
  await Promise.all(all.map(({ answer }) => answer))
  t.ok(rig.held.findIndex(({ path }) => path === '/other') <= 2)
})

t.test('clients that come back at once do not hold up one that looks now and then', async t => {
  const rig = await startRig(t, { defaults: { maxConcurrency: 1 } })
  const from = (n: number) => ({ localAddress: `127.0.0.${10 + n}` })
  const fetched = Array.from({ length: 8 }, (_, n) => rig.ask('/thumb', from(n)))
  await rig.waits(7)
  // Each of them asks again as soon as it is answered.
  for (let n = 0; n < 16; n++) {
    await rig.holds(n + 1)
    rig.held[n]!.answer()
    await fetched[n]!.answer
    fetched.push(rig.ask('/thumb', from(n % 8)))
    await rig.waits(7)
  }
  const looked = rig.ask('/page', from(20))
  await rig.waits(8)
  let n = 16
  for (; n <= 20 && rig.held.at(-1)?.path !== '/page'; n++) {
    rig.held[n]!.answer()
    await rig.holds(n + 2)
  }
  t.ok(n <= 18, `after ${n - 16} others`)
  for (let last = n; last < fetched.length + 1; last++) {
    await rig.holds(last + 1)
    rig.held[last]!.answer()
  }
  await looked.answer
})

t.test('a full queue makes room for a client with less in it', async t => {
  const rig = await startRig(t, { defaults: { maxConcurrency: 1, queue: 4 } })
  const first = rig.ask('/first')
  await rig.holds(1)
  const many = []
  for (let n = 0; n < 4; n++) {
    many.push(rig.ask(`/many/${n}`))
    await rig.waits(n + 1)
  }
  const other = rig.ask('/other', { localAddress: '127.0.0.9' })
  t.equal((await many[0]!.answer).status, 503)
  t.equal(rig.shed('displaced'), 1)
  for (let n = 1; n <= 5; n++) {
    await rig.holds(n)
    rig.held[n - 1]!.answer()
  }
  t.equal((await other.answer).status, 200)
  await first.answer
})

t.test('an event stream and a long transfer give their place back', async t => {
  const rig = await startRig(t, { defaults: { maxConcurrency: 1 } })
  const stream = rig.ask('/events')
  await rig.holds(1)
  const second = rig.ask('/film')
  await rig.waits(1)
  rig.held[0]!.response.writeHead(200, { 'content-type': 'text/event-stream' })
  rig.held[0]!.response.write(': hello\n\n')
  await rig.holds(2)
  t.match(rig.lane(), { inFlight: 1, held: 1 })
  rig.held[1]!.response.writeHead(200, { 'content-type': 'video/mp4' })
  rig.held[1]!.response.write('a')
  const third = rig.ask('/3')
  await rig.holds(3)
  t.match(rig.lane(), { inFlight: 1, held: 2 })
  for (const held of rig.held) held.answer()
  for (const { answer } of [stream, second, third]) t.equal((await answer).status, 200)
  t.match(rig.lane(), { inFlight: 0, held: 0 })
})

t.test('clients that read nothing keep nobody from the origin', async t => {
  const rig = await startRig(t, { defaults: { maxConcurrency: 2 } })
  const film = Buffer.alloc(16 * 1024 * 1024)
  const startedMs = performance.now()
  const { port } = rig.app.server.address() as AddressInfo
  for (let i = 1; i <= 8; i++) {
    const client = connect(port, '127.0.0.1').on('error', () => {})
    client.pause()
    client.write(`GET /film HTTP/1.1\r\nHost: a\r\n\r\n`)
    t.teardown(() => client.destroy())
  }
  for (let i = 1; i <= 8; i++) {
    await rig.holds(i)
    rig.held[i - 1]!.response.end(film)
  }
  const page = rig.ask('/page')
  await rig.holds(9)
  rig.held[8]!.answer()
  t.equal((await page.answer).status, 200)
  // By time alone the eight would hold the two places for half a second each, which is two seconds.
  const ms = Math.round(performance.now() - startedMs)
  t.ok(ms < 1_500, `the page came after ${ms} ms`)
})
