/**
 * Further attempts on real sockets: what is sent again, how often, and what the client sees of it.
 */
import { constants } from 'node:http2'
import t from 'tap'
import { contractOf } from '../../../plugins/contract/index.ts'
import { exchange, RawClient } from '../../support/raw-client.ts'
import { answer, rawOrigin } from '../../support/raw-origin.ts'
import { endStream, type RawStream, rawH2Origin } from '../upstream/h2/raw-origin-h2.ts'
import { get, retryApp, withBody } from './support.ts'

/** Fails the first `failures` requests by `fail`, answers the others. */
async function failing(
  t: { teardown(fn: () => unknown): void },
  failures: number,
  fail: (socket: import('node:net').Socket) => void,
) {
  const origin = await rawOrigin((_request, socket) => {
    if (origin.requests.length <= failures) fail(socket)
    else socket.write(answer(200, {}, 'whole'))
  })
  t.teardown(() => origin.close())
  return origin
}

t.test('a GET that was reset is sent again', async t => {
  const origin = await failing(t, 2, socket => socket.resetAndDestroy())
  const { port } = await retryApp(t, [origin.url])
  const { status, body } = await new RawClient(port).send(get()).answer()
  t.equal(status, 200)
  t.equal(body.toString(), 'whole')
  t.equal(origin.requests.length, 3)
})

t.test('the number of attempts counts all of them', async t => {
  const origin = await failing(t, 100, socket => socket.resetAndDestroy())
  const { port } = await retryApp(t, [origin.url], { retry: { attempts: 2 } })
  const { status, headers } = await new RawClient(port).send(get()).answer()
  t.equal(status, 502)
  t.equal(
    headers['proxy-status'],
    'hearthgate; error=connection_terminated; details="2 attempts, no further: attempts"',
  )
  t.equal(origin.requests.length, 2)
})

t.test('a POST that was sent is never sent again', async t => {
  const origin = await failing(t, 100, socket => socket.resetAndDestroy())
  const { port } = await retryApp(t, [origin.url])
  const { status } = await new RawClient(port).send(withBody('POST', 'once')).answer('POST')
  t.equal(status, 502)
  t.equal(origin.requests.length, 1)
})

t.test('a small answer that is cut is asked for again before the client sees of it', async t => {
  const cut = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwho'
  const origin = await failing(t, 1, socket => socket.end(cut))
  const { port } = await retryApp(t, [origin.url])
  const { status, body, isWhole } = await new RawClient(port).send(get()).answer()
  t.same([status, body.toString(), isWhole], [200, 'whole', true])
})

t.test('a 503 is followed by another attempt, and the last one is passed on as it is', async t => {
  const busy = answer(503, { 'X-Origin': 'busy' }, 'busy')
  const first = await failing(t, 1, socket => void socket.write(busy))
  const app = await retryApp(t, [first.url])
  t.equal((await new RawClient(app.port).send(get()).answer()).status, 200)

  const always = await failing(t, 100, socket => void socket.write(busy))
  const other = await retryApp(t, [always.url])
  const { status, headers, body } = await new RawClient(other.port).send(get()).answer()
  t.same([status, headers['x-origin'], body.toString(), always.requests.length], [503, 'busy', 'busy', 3])
})

t.test('large answers that are not wanted do not use up the pool', async t => {
  const origin = await rawOrigin((_request, socket) => void socket.write(answer(503, {}, Buffer.alloc(300_000))))
  t.teardown(() => origin.close())
  const { port } = await retryApp(t, [origin.url], { group: { maxSize: 2 } })
  for (let i = 0; i < 6; i++) t.equal((await new RawClient(port).send(get()).answer()).status, 503)
})

t.test('a body is sent again from what was kept, where the method allows it', async t => {
  const origin = await failing(t, 1, socket => void socket.write(answer(503, {}, 'busy')))
  const { port } = await retryApp(t, [origin.url], { retry: { methods: ['GET', 'PUT'] } })
  t.equal((await new RawClient(port).send(withBody('PUT', 'twice')).answer('PUT')).status, 200)
  t.strictSame(
    origin.requests.map(({ body }) => body.toString()),
    ['twice', 'twice'],
  )
})

t.test('what an origin of HTTP/2 has not processed is sent again whole, whatever its method', async t => {
  const refuse = {
    REFUSED_STREAM: (stream: RawStream) => stream.reset(constants.NGHTTP2_REFUSED_STREAM),
    GOAWAY: (stream: RawStream) => stream.goaway(0),
    'another code': (stream: RawStream) => stream.reset(constants.NGHTTP2_INTERNAL_ERROR),
  }
  for (const [name, end] of Object.entries(refuse)) {
    const origin = await rawH2Origin(t, (stream, count) => {
      // When all of the body has come.
      if (count === 1) setTimeout(() => end(stream), 50)
      else stream.head(200).data('done', endStream)
    })
    const { port } = await retryApp(t, [origin.url])
    const { status } = await new RawClient(port).send(withBody('POST', 'once')).answer('POST')
    const isRefused = name !== 'another code'
    t.equal(status, isRefused ? 200 : 502, name)
    t.equal(origin.streams.length, isRefused ? 2 : 1, name)
    t.equal(origin.ended.length, origin.streams.length, 'each with its end')
  }
})

t.test('a body beyond the bound is sent once', async t => {
  const origin = await failing(t, 9, socket => void socket.write(answer(503, {}, 'busy')))
  const { port } = await retryApp(t, [origin.url], { retry: { methods: ['GET', 'PUT'], replayBytes: 4 } })
  t.equal((await new RawClient(port).send(withBody('PUT', 'twice')).answer('PUT')).status, 503)
  t.equal(origin.requests.length, 1)
})

t.test('a POST with an Idempotency-Key is sent again by option', async t => {
  const origin = await failing(t, 1, socket => void socket.write(answer(503, {}, 'busy')))
  const { port } = await retryApp(t, [origin.url], { retry: { idempotencyKey: true } })
  const text = withBody('POST', 'keyed', 'Idempotency-Key: "1"\r\n')
  t.equal((await new RawClient(port).send(text).answer('POST')).status, 200)
})

t.test('a spent budget ends the attempts, and the client is told', async t => {
  const origin = await failing(t, 9, socket => socket.resetAndDestroy())
  const { port } = await retryApp(t, [origin.url], { retry: { budgetFloor: 0, budgetRatio: 0 } })
  const { headers } = await new RawClient(port).send(get()).answer()
  t.equal(headers['proxy-status'], 'hearthgate; error=connection_terminated; details="1 attempt, no further: budget"')
  t.equal(origin.requests.length, 1)
})

t.test('a slow GET is asked for at another origin, the first answer wins and the other attempt ends', async t => {
  const slow = await rawOrigin(() => {})
  const quick = await rawOrigin((_request, socket) => void socket.write(answer(200, {}, 'quick')))
  t.teardown(() => Promise.all([slow.close(), quick.close()]))
  const { app, port } = await retryApp(t, [slow.url, quick.url], { retry: { hedge: 30 } })
  const { body } = await new RawClient(port).send(get()).answer()
  t.equal(body.toString(), 'quick')
  while (slow.sockets.size > 0) await new Promise(resolve => setTimeout(resolve, 5))
  t.match([...app.retry.snapshot()], [{ retrying: 0, active: 0 }])
})

t.test('a client that leaves during a race ends both attempts', async t => {
  const origins = await Promise.all([rawOrigin(() => {}), rawOrigin(() => {})])
  t.teardown(() => Promise.all(origins.map(origin => origin.close())))
  const { port } = await retryApp(
    t,
    origins.map(({ url }) => url),
    { retry: { hedge: 30 } },
  )
  const client = new RawClient(port).send(get())
  const deadline = Date.now() + 3_000
  const holds = async (condition: () => boolean) => {
    while (!condition() && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 5))
    return condition()
  }
  t.ok(await holds(() => origins.every(({ requests }) => requests.length === 1)), 'both are asked')
  client.close()
  t.ok(await holds(() => origins.every(({ sockets }) => sockets.size === 0)), 'both are let go')
})

t.test('the head of an event stream is not held', async t => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'
  const origin = await rawOrigin((_request, socket) => void socket.write(head))
  t.teardown(() => origin.close())
  const { port } = await retryApp(t, [origin.url])
  const client = new RawClient(port).send(get())
  t.match(await client.until(text => text.includes('\r\n\r\n')), /event-stream/)
  client.close()
})

t.test('a head that waits for its body goes on alone', async t => {
  const origin = await rawOrigin(
    (_request, socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'),
  )
  t.teardown(() => origin.close())
  const { port } = await retryApp(t, [origin.url])
  const client = new RawClient(port).send(get())
  t.match(await client.until(text => text.includes('\r\n\r\n')), /200 OK/)
  client.close()
})

t.test('a tunable never goes beyond what is configured: off stays off', async t => {
  const origin = await rawOrigin((_request, socket) => socket.write(answer(200, {}, 'fine')))
  t.teardown(() => origin.close())
  const { app, port } = await retryApp(t, [origin.url], { retry: { attempts: 1, holdMs: 0, hedge: 'off' } })
  t.equal((await exchange(port, get())).status, 200)
  const { tunables } = contractOf(app)
  for (const [name, off] of [
    ['retry.attempts', 1],
    ['retry.hold', 0],
    ['retry.hedge_delay', 0],
  ] as const) {
    const tunable = tunables.find('app', name)
    tunable?.set(5)
    t.equal(tunable?.get(), off, name)
  }
})
