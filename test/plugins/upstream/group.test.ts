/** A group over real sockets: which origin answers, and what happens when one fails. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net, { type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import { freePort } from '../../support/free-ports.ts'
import { answer, rawOrigin, type Script } from '../../support/raw-origin.ts'
import { bareUpstreams, begin, named, originOf, resolved, send, startApp, startOrigin, until } from './support.ts'

const ok = answer(200, {}, 'ok')

t.test('weights are honoured exactly', async t => {
  const [a, b] = [await startOrigin(t, named('a')), await startOrigin(t, named('b'))]
  const app = await startApp(t, { origins: [{ url: a.url, weight: 3 }, { url: b.url }] })
  for (let i = 0; i < 20; i++) await send(app.upstream)
  t.strictSame([a.requests.length, b.requests.length], [15, 5])
})

t.test('least_requests goes around the one that is busy', async t => {
  const held: Socket[] = []
  const slow = await startOrigin(t, (_request, socket) => void held.push(socket))
  const fast = await startOrigin(t, named('fast'))
  const app = await startApp(t, { origins: [{ url: slow.url }, { url: fast.url }], balance: 'least_requests' })
  const first = send(app.upstream)
  await until('the slow one to have it', () => held.length === 1)
  for (let i = 0; i < 5; i++) t.equal(String((await send(app.upstream)).body), 'fast')
  held[0]?.write(ok)
  await first
})

t.test('a request that cannot be sent goes to the next origin, whatever its method', async t => {
  const alive = await startOrigin(t, named('alive'))
  const dead = await freePort()
  const app = await startApp(t, { origins: [{ url: `http://127.0.0.1:${dead}` }, { url: alive.url }] })
  t.equal((await send(app.upstream)).status, 200)
  t.match(originOf(app, 0), { isAvoided: true })
  for (const body of [Buffer.from('once'), Readable.from([Buffer.from('on'), Buffer.from('ce')])]) {
    const posted = await send(app.upstream, { method: 'POST', body, bodyLength: 4 })
    t.equal(posted.status, 200)
    t.equal(String(alive.requests.at(-1)?.body), 'once')
  }
  t.equal(alive.requests.length, 3)
})

t.test('a refused origin is left out for its time, then tried again', async t => {
  const alive = await startOrigin(t, named('alive'))
  const port = await freePort()
  const app = await startApp(t, {
    origins: [{ url: `http://127.0.0.1:${port}` }, { url: alive.url }],
    ejectTimeMs: 400,
  })
  await send(app.upstream)
  const back = await rawOrigin(named('back'), port)
  t.teardown(() => back.close())
  for (let i = 0; i < 4; i++) t.equal(String((await send(app.upstream)).body), 'alive')
  await until('its time to be over', () => !originOf(app, 0).isAvoided)
  const names = [String((await send(app.upstream)).body), String((await send(app.upstream)).body)]
  t.strictSame(names.sort(), ['alive', 'back'])
})

t.test('when no origin can be reached the last failure is told, each having been tried once', async t => {
  const ports = [await freePort(), await freePort()]
  const app = await startApp(t, { origins: ports.map(port => ({ url: `http://127.0.0.1:${port}` })) })
  await t.rejects(send(app.upstream), { code: 'HG_UPSTREAM_REFUSED', statusCode: 502, unsent: true })
  t.strictSame([originOf(app, 0).isAvoided, originOf(app, 1).isAvoided], [true, true])
  const [dead] = ports
  const alone = await startApp(t, { origins: [{ url: `http://127.0.0.1:${dead}` }] })
  await t.rejects(send(alone.upstream), { code: 'HG_UPSTREAM_REFUSED' })
  const back = await rawOrigin(named('back'), dead)
  t.teardown(() => back.close())
  t.equal((await send(alone.upstream)).status, 200, 'a single origin is never left out')
})

t.test('an origin that is full does not fail a request that another could take', async t => {
  const held: Socket[] = []
  const slow = await startOrigin(t, (_request, socket) => void held.push(socket))
  const fast = await startOrigin(t, named('fast'))
  const app = await startApp(t, { origins: [{ url: slow.url }, { url: fast.url }], maxSize: 1, queueSize: 0 })
  const first = send(app.upstream)
  await until('the slow one to be full', () => held.length === 1)
  for (let i = 0; i < 4; i++) t.equal(String((await send(app.upstream)).body), 'fast')
  held[0]?.write(ok)
  await first
})

t.test('D4: a POST that an origin has read is never sent again, wherever its answer breaks', async t => {
  const whole = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello')
  for (const isKept of [false, true]) {
    let cutAt = 0
    const effects = new Map<string, number>()
    const script: Script = (request, socket) => {
      if (request.method === 'GET') return void socket.write(ok)
      request.complete.then(() => {
        effects.set(request.target, (effects.get(request.target) ?? 0) + 1)
        if (cutAt === 0) socket.resetAndDestroy()
        else socket.write(whole.subarray(0, cutAt), () => socket.resetAndDestroy())
      })
    }
    const [a, b] = [await startOrigin(t, script), await startOrigin(t, script)]
    const app = await startApp(t, { origins: [{ url: a.url }, { url: b.url }] })
    for (cutAt = 0; cutAt < whole.length; cutAt++) {
      if (isKept) await Promise.all([send(app.upstream), send(app.upstream)])
      const body = cutAt % 2 === 0 ? Buffer.from('x=1') : Readable.from([Buffer.from('x='), Buffer.from('1')])
      const sent = send(app.upstream, { method: 'POST', path: `/${cutAt}`, body, bodyLength: 3 })
      await t.rejects(
        sent,
        { code: /^HG_UPSTREAM_(RESET|INCOMPLETE)$/, statusCode: 502, unsent: false } as object as Error,
        `cut at ${cutAt}`,
      )
    }
    t.strictSame([...effects.values()], new Array(whole.length).fill(1), `kept connection: ${isKept}`)
    t.equal(effects.size, whole.length)
  }
})

t.test('a GET that met a closing connection is sent again, at most on three connections', async t => {
  let resets = 1
  const origin = await startOrigin(t, (request, socket) => {
    if (request.target === '/warm' || resets-- <= 0) return void socket.write(ok)
    socket.resetAndDestroy()
  })
  const app = await startApp(t, { origins: [{ url: origin.url }] })
  await send(app.upstream, { path: '/warm' })
  t.equal((await send(app.upstream, { path: '/once' })).status, 200)
  t.equal(origin.requests.filter(({ target }) => target === '/once').length, 2)
  resets = 100
  await send(app.upstream, { path: '/warm' })
  await t.rejects(send(app.upstream, { path: '/always' }), { code: 'HG_UPSTREAM_RESET', unsent: false })
  t.ok(origin.requests.filter(({ target }) => target === '/always').length <= 3)
})

t.test('the caller that leaves ends the work of the origin at once', async t => {
  const held: Socket[] = []
  const origin = await startOrigin(t, (_request, socket) => void held.push(socket))
  const app = await startApp(t, { origins: [{ url: origin.url }] })
  const sent = begin(app.upstream)
  await until('the request', () => held.length === 1)
  const closed = once(held[0] as Socket, 'close')
  const startedMs = performance.now()
  sent.controller.abort(new Error('the client left'))
  await t.rejects(sent.answer, { message: 'the client left' })
  await closed
  t.ok(performance.now() - startedMs < 1_000)
  await until('the pool to know', () => originOf(app).open === 0)
  t.match(originOf(app), { inFlight: 0, pending: 0 })
})

t.test('an origin on a Unix socket', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-unix-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'app.sock')
  const server = net.createServer(socket => {
    socket.on('error', () => {})
    socket.on('data', bytes => void socket.write(answer(200, {}, String(bytes).split('\r\n')[0])))
  })
  server.listen(path)
  await once(server, 'listening')
  const app = await startApp(t, { origins: [{ url: `unix:${path}` }] })
  t.teardown(() => server.close())
  t.equal(String((await send(app.upstream, { path: '/a%2Fb' })).body), 'GET /a%2Fb HTTP/1.1')
  const away = await startApp(t, { origins: [{ url: `unix:${path}.none` }] })
  await t.rejects(send(away.upstream), { code: 'HG_UPSTREAM_REFUSED', unsent: true })
})

t.test('signals count attempts, connections and answers', async t => {
  const origin = await startOrigin(t, named('a'))
  const { upstreams, signals } = bareUpstreams(t)
  upstreams.apply({ app: resolved({ origins: [{ url: origin.url }] }) })
  await send(upstreams)
  await send(upstreams)
  await origin.stop()
  await t.rejects(send(upstreams))
  upstreams.sweep(performance.now())
  const numbers: Record<string, number> = {}
  for (const signal of signals.numbers()) {
    for (const { labels, point } of signal.series())
      numbers[[signal.spec.name, ...labels.slice(2)].join(' ')] = point.value
  }
  t.match(numbers, {
    'upstream_attempts_total ok': 2,
    'upstream_attempts_total refused': 1,
    'upstream_connects_total ok': 1,
    'upstream_connects_total refused': 1,
    'upstream_answers_total 2xx': 2,
    upstream_connections_open: 0,
    upstream_requests_in_flight: 0,
  })
  const times = Object.fromEntries(
    [...signals.histograms()].map(signal => [signal.spec.name, [...signal.series()][0]?.point.count]),
  )
  t.strictSame(times, { upstream_head_seconds: 2, upstream_connect_seconds: 1 })
})

t.test('a tunnel gets a transport of its own, counted apart from the pool', async t => {
  const origin = await startOrigin(t, named('a'))
  const dead = await freePort()
  const app = await startApp(t, { origins: [{ url: `http://127.0.0.1:${dead}` }, { url: origin.url }], maxSize: 1 })
  const lent = await app.upstream.connect('app')
  t.equal(lent.origin, origin.url)
  t.match(originOf(app, 1), { tunnels: 1, open: 0 })
  lent.socket.destroy()
  lent.release()
  lent.release()
  t.equal(originOf(app, 1).tunnels, 0)
  await t.rejects(app.upstream.connect('app', AbortSignal.abort(new Error('left'))), { code: 'HG_UPSTREAM_ABORTED' })
  await until('that transport to be closed', () => origin.sockets.size === 0)
  t.equal(originOf(app, 1).tunnels, 0)
  await t.rejects(app.upstream.connect('none'), { code: 'HG_NO_UPSTREAM' })
})
