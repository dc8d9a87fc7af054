/** Many and large exchanges on HTTP/2 connections, with and without TLS: limits, back-pressure, stalls, what arrives. */
import { createHash, randomBytes } from 'node:crypto'
import http2, { type Http2Server, type ServerHttp2Stream } from 'node:http2'
import { PassThrough, Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import {
  begin,
  certificate,
  type GroupInput,
  listen,
  originOf,
  pass,
  send,
  startApp,
  type Teardown,
  until,
} from '../support.ts'

type OnStream = (stream: ServerHttp2Stream, headers: http2.IncomingHttpHeaders, rawHeaders: string[]) => void

const localhost = certificate('localhost')
const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
const MEBI = 1_048_576

async function startH2(
  t: Teardown,
  scheme: 'https' | 'h2c',
  onStream: OnStream,
  options: { settings?: http2.Settings; group?: Partial<GroupInput> } = {},
) {
  const seen = { connections: 0 }
  const settings = options.settings ?? {}
  const isSecure = scheme === 'https'
  const made = isSecure ? http2.createSecureServer({ ...localhost, settings }) : http2.createServer({ settings })
  const server = made as Http2Server
  server.on('session', session => {
    seen.connections++
    session.on('error', () => {})
  })
  server.on('stream', (stream, headers, _flags, rawHeaders) => {
    stream.on('error', () => {})
    onStream(stream, headers, rawHeaders)
  })
  const port = await listen(t, server)
  const origins = [{ url: `${scheme}://127.0.0.1:${port}` }]
  return { seen, app: await startApp(t, { origins, tls: { ca: localhost.cert }, ...options.group }) }
}

/** An answer that stays open. */
const hold: OnStream = (stream, headers) => {
  stream.respond({ ':status': 200, 'content-type': 'text/event-stream' })
  stream.write('x')
  if (headers[':path'] !== '/events') stream.end()
}

for (const scheme of ['https', 'h2c'] as const) {
  t.test(`${scheme}: large bodies arrive as they were, also at slow readers`, async t => {
    const up = randomBytes(5 * MEBI)
    const down = randomBytes(5 * MEBI)
    const { app } = await startH2(t, scheme, async stream => {
      const hash = createHash('sha256')
      for await (const chunk of stream) {
        hash.update(chunk as Buffer)
        await turn()
      }
      stream.respond({ ':status': 200, 'x-hash': hash.digest('hex') })
      stream.end(down)
    })
    const streamed = () =>
      Readable.from(Array.from({ length: 80 }, (_, i) => up.subarray(i * 65_536, (i + 1) * 65_536)))
    const bodies = [{ body: up }, { body: streamed(), bodyLength: up.length }, { body: streamed(), bodyLength: null }]
    const answers = bodies.map(body => begin(app.upstream, { method: 'PUT', ...body }))
    let isPaused = false
    const slow = setInterval(() => {
      isPaused = !isPaused
      for (const { controller } of answers) isPaused ? controller.pause() : controller.resume()
    }, 3)
    t.teardown(() => clearInterval(slow))
    for (const { answer } of answers) {
      const { headers, body } = await answer
      t.equal(headers[headers.indexOf('x-hash') + 1], sha(up))
      t.equal(sha(body), sha(down))
    }
    t.equal(originOf(app).inFlight, 0)
  })

  t.test(`${scheme}: fields keep their order and repetition, trailers follow`, async t => {
    let sent: string[] = []
    const { app } = await startH2(t, scheme, (stream, _headers, rawHeaders) => {
      sent = rawHeaders
      stream.respond({ ':status': 200, 'set-cookie': ['a', 'b'], 'x-l': '\xe9' }, {
        waitForTrailers: true,
        sendDate: false,
      } as object)
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'cache-control': 'no-store' }))
      stream.end('ok')
    })
    const fields = ['X-B', '1', 'X-A', '\xe9', 'X-B', '2', 'Cookie', 'c=1', 'Cookie', 'd=2', 'TE', 'trailers']
    const { headers, body, trailers } = await send(app.upstream, { path: '/\xe9%2f', headers: fields })
    t.strictSame(
      sent.filter((_, i) => i >= sent.indexOf('x-b')),
      ['x-b', '1', 'x-a', '\xe9', 'x-b', '2', 'cookie', 'c=1', 'cookie', 'd=2', 'te', 'trailers'],
    )
    t.equal(sent[sent.indexOf(':path') + 1], '/\xe9%2f')
    t.equal(sent[sent.indexOf(':scheme') + 1], scheme === 'https' ? 'https' : 'http')
    t.strictSame(headers.slice(0, 6), ['set-cookie', 'a', 'set-cookie', 'b', 'x-l', '\xe9'])
    t.equal(String(body), 'ok')
    t.strictSame(trailers, ['grpc-status', '0'], 'no field that decides about framing')
  })

  t.test(`${scheme}: an origin that allows one stream gets a second connection`, async t => {
    const { app, seen } = await startH2(t, scheme, hold, { settings: { maxConcurrentStreams: 1 } })
    const events = begin(app.upstream, { path: '/events' })
    const answers = await Promise.all([1, 2, 3].map(() => send(app.upstream)))
    for (const { body } of answers) t.equal(String(body), 'x')
    t.ok(seen.connections >= 2)
    events.controller.abort(new Error('enough'))
    await t.rejects(events.answer, { message: 'enough' })
    t.match(originOf(app), { inFlight: 0, pending: 0 })
  })

  t.test(`${scheme}: who waits for a stream waits no longer than queue_timeout`, async t => {
    const group = { maxSize: 1, queueTimeoutMs: 300 }
    let closed = 0
    const onStream: OnStream = (stream, headers, rawHeaders) => {
      stream.on('close', () => closed++)
      hold(stream, headers, rawHeaders)
    }
    const { app } = await startH2(t, scheme, onStream, { settings: { maxConcurrentStreams: 1 }, group })
    const events = begin(app.upstream, { path: '/events' })
    await until('it to run', () => originOf(app).inFlight === 1)
    await t.rejects(send(app.upstream), { code: 'HG_UPSTREAM_QUEUE_TIMEOUT', statusCode: 503 })
    events.controller.abort(new Error('enough'))
    await t.rejects(events.answer, { message: 'enough' })
    await until('the origin to have its stream back', () => closed === 1)
    t.equal((await send(app.upstream)).status, 200)
  })

  t.test(`${scheme}: an origin that takes nothing of an upload is noticed`, async t => {
    const { app } = await startH2(t, scheme, stream => void stream.pause(), { group: { idleTimeoutMs: 300 } })
    const streamed = Readable.from(Array.from({ length: 40 }, () => Buffer.alloc(65_536)))
    for (const body of [Buffer.alloc(2 * MEBI), streamed]) {
      await t.rejects(send(app.upstream, { method: 'POST', body }), { code: 'HG_UPSTREAM_TIMEOUT', statusCode: 504 })
    }
    t.match(originOf(app), { open: 1, inFlight: 0 }, 'the connection goes on')
  })
}

t.test('a client that sends slowly is not taken for an origin that does not read', async t => {
  const group = { idleTimeoutMs: 300, headTimeoutMs: 300 }
  const { app } = await startH2(
    t,
    'h2c',
    async stream => {
      let bytes = 0
      for await (const chunk of stream) bytes += (chunk as Buffer).length
      stream.respond({ ':status': 200 })
      stream.end(String(bytes))
    },
    { group },
  )
  const body = new PassThrough()
  const answer = send(app.upstream, { method: 'POST', body })
  body.write('a')
  await pass(1_000)
  body.end('b')
  t.equal(String((await answer).body), '2')
})

t.test('an old connection with a long answer does not keep the place of a new one', async t => {
  const { app, seen } = await startH2(t, 'h2c', hold, { group: { maxSize: 1, ttlMs: 100 } })
  const events = begin(app.upstream, { path: '/events' })
  t.equal((await send(app.upstream)).status, 200)
  await pass(200)
  for (let i = 0; i < 3; i++) t.equal((await send(app.upstream)).status, 200)
  t.ok(seen.connections >= 2)
  events.controller.abort(new Error('enough'))
  await t.rejects(events.answer, { message: 'enough' })
  await until('the old one to be gone', () => originOf(app).open <= 1)
})

t.test('a retired group ends its connections', async t => {
  const { app } = await startH2(t, 'h2c', hold)
  t.equal((await send(app.upstream)).status, 200)
  const events = begin(app.upstream, { path: '/events' })
  await until('it to run', () => originOf(app).inFlight === 1)
  await app.close()
  await t.rejects(events.answer, { code: 'HG_NO_UPSTREAM' })
})
