/** How answers of HTTP/2 origins end, frame by frame: only END_STREAM makes one whole. */
import { once } from 'node:events'
import http2 from 'node:http2'
import net from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import t from 'tap'
import { openH2 } from '../../../../plugins/upstream/h2/index.ts'
import { begin, listen, type Outgoing, originOf, send, startApp, until } from '../support.ts'
import { fields, frame, type RawStream, rawH2Origin, settings, type } from './raw-origin-h2.ts'

const end = 1
const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR, NGHTTP2_PROTOCOL_ERROR, NGHTTP2_REFUSED_STREAM } =
  http2.constants

interface Ending {
  readonly name: string
  readonly answer: (stream: RawStream) => void
  readonly wanted: { status?: number; body?: string; trailers?: string[] } | { code: string; statusCode: number }
  readonly sent?: () => Outgoing
}

const incomplete = { code: 'HG_UPSTREAM_INCOMPLETE', statusCode: 502 }
const reset = { code: 'HG_UPSTREAM_RESET', statusCode: 502 }
const invalid = { code: 'HG_UPSTREAM_INVALID', statusCode: 502 }
/** An upload that does not come to its end. */
const endless = (): Outgoing => {
  const body = new PassThrough()
  body.write('first')
  return { method: 'POST', body }
}

const endings: Ending[] = [
  { name: 'whole', answer: s => s.head(200).data('ok', end), wanted: { status: 200, body: 'ok' } },
  { name: 'whole with an empty last frame', answer: s => s.head(200).data('ok').data('', end), wanted: { body: 'ok' } },
  { name: 'whole without a body', answer: s => s.head(204, [], end), wanted: { status: 204, body: '' } },
  {
    name: 'whole with trailers',
    answer: s => {
      s.head(200).data('ok')
      s.socket.write(frame(type.headers, 5, s.id, fields([['grpc-status', '0']])))
    },
    wanted: { body: 'ok', trailers: ['grpc-status', '0'] },
  },
  {
    name: 'interim answers',
    answer: s =>
      s
        .head(103, [['link', '</a>']])
        .head(100)
        .head(200)
        .data('ok', end),
    wanted: { status: 200, body: 'ok' },
  },
  {
    name: 'too many interim answers',
    answer: s => {
      for (let i = 0; i < 17; i++) s.head(103)
      s.head(200, [], end)
    },
    wanted: invalid,
  },
  { name: 'NO_ERROR in mid-body', answer: s => s.head(200).data('half').reset(NGHTTP2_NO_ERROR), wanted: incomplete },
  { name: 'CANCEL in mid-body', answer: s => s.head(200).data('half').reset(NGHTTP2_CANCEL), wanted: incomplete },
  {
    name: 'INTERNAL_ERROR in mid-body',
    answer: s => s.head(200).data('half').reset(NGHTTP2_INTERNAL_ERROR),
    wanted: incomplete,
  },
  { name: 'NO_ERROR behind the head', answer: s => s.head(200).reset(NGHTTP2_NO_ERROR), wanted: incomplete },
  {
    name: 'NO_ERROR before the length is reached',
    answer: s =>
      s
        .head(200, [['content-length', '9']])
        .data('half')
        .reset(NGHTTP2_NO_ERROR),
    wanted: incomplete,
  },
  {
    name: 'END_STREAM before the length is reached',
    answer: s => s.head(200, [['content-length', '9']]).data('half', end),
    wanted: incomplete,
  },
  {
    name: 'more than the length',
    answer: s => s.head(200, [['content-length', '3']]).data('half', end),
    wanted: incomplete,
  },
  { name: 'the end of the connection', answer: s => void s.head(200).data('half').socket.end(), wanted: incomplete },
  { name: 'NO_ERROR before the head', answer: s => s.reset(NGHTTP2_NO_ERROR), wanted: reset },
  { name: 'CANCEL before the head', answer: s => s.reset(NGHTTP2_CANCEL), wanted: reset },
  { name: 'PROTOCOL_ERROR before the head', answer: s => s.reset(NGHTTP2_PROTOCOL_ERROR), wanted: invalid },
  { name: 'nothing but interim answers', answer: s => s.head(103).reset(NGHTTP2_NO_ERROR), wanted: reset },
  {
    name: 'no status',
    answer: s => s.socket.write(frame(type.headers, 5, s.id, fields([['a', 'b']]))),
    wanted: invalid,
  },
  { name: 'a field of the connection', answer: s => s.head(200, [['connection', 'close']], end), wanted: invalid },
  { name: '101', answer: s => s.head(101), wanted: invalid },
  {
    name: 'a whole answer to an unfinished upload, then NO_ERROR',
    answer: s => s.head(413).data('too big', end).reset(NGHTTP2_NO_ERROR),
    sent: endless,
    wanted: { status: 413, body: 'too big' },
  },
  {
    name: 'half an answer to an unfinished upload, then NO_ERROR',
    answer: s => s.head(413).data('too').reset(NGHTTP2_NO_ERROR),
    sent: endless,
    wanted: incomplete,
  },
]

t.test('only END_STREAM makes an answer whole', async t => {
  for (const { name, answer, sent, wanted } of endings) {
    const origin = await rawH2Origin(t, answer)
    const app = await startApp(t, { origins: [{ url: origin.url }] })
    const answered = send(app.upstream, sent?.())
    if ('code' in wanted) await t.rejects(answered, wanted as object as Error, name)
    else {
      const { status, body, trailers } = await answered
      t.match({ status, trailers, body: String(body) }, wanted, name)
    }
    await until(`${name}: nothing to run on`, () => originOf(app).inFlight === 0)
    t.equal(origin.streams.length, 1, `${name}: sent once`)
  }
})

t.test('a head above 64 KiB is refused, of few lines or of many', async t => {
  const lines = (count: number, length: number) =>
    Array.from({ length: count }, (_, i) => [`x-${i}`, 'x'.repeat(length)] as const)
  const heads = [lines(5, 15_000), lines(2_000, 1)]
  const origin = await rawH2Origin(t, ({ id, socket }, count) => {
    const head = fields([[':status', '200'], ...(heads[count - 1] ?? [])])
    const parts = Array.from({ length: Math.ceil(head.length / 16_000) }, (_, i) =>
      head.subarray(i * 16_000, i * 16_000 + 16_000),
    )
    for (const [i, part] of parts.entries()) {
      socket.write(frame(i === 0 ? type.headers : type.continuation, i === parts.length - 1 ? 4 : 0, id, part))
    }
  })
  const app = await startApp(t, { origins: [{ url: origin.url }] })
  for (let i = 0; i < 2; i++)
    await t.rejects(send(app.upstream), { code: 'HG_UPSTREAM_HEAD_TOO_LARGE', statusCode: 502 })
  t.equal(originOf(app).inFlight, 0)
})

t.test('a refused stream is sent again, whatever its method', async t => {
  const origin = await rawH2Origin(t, (stream, count) => {
    if (count === 1) stream.reset(NGHTTP2_REFUSED_STREAM)
    else stream.head(200).data('ok', end)
  })
  const app = await startApp(t, { origins: [{ url: origin.url }] })
  t.equal(String((await send(app.upstream, { method: 'POST', body: Buffer.from('once') })).body), 'ok')
  t.equal(origin.streams.length, 2)
})

t.test('a refused stream whose body is gone is not sent again', async t => {
  const origin = await rawH2Origin(t, stream => void setImmediate(() => stream.reset(NGHTTP2_REFUSED_STREAM)))
  const app = await startApp(t, { origins: [{ url: origin.url }] })
  const body = Readable.from([Buffer.from('gone')])
  await t.rejects(send(app.upstream, { method: 'POST', body }), { ...reset, unsent: false })
  t.equal(origin.streams.length, 1)
})

t.test('GOAWAY lets the streams below its last one end and sends the others elsewhere', async t => {
  const open: RawStream[] = []
  const origin = await rawH2Origin(t, (stream, count) => {
    open.push(stream)
    if (count === 3) stream.goaway(open[0]?.id ?? 0)
    if (count > 3) stream.head(200).data('second', end)
  })
  const app = await startApp(t, { origins: [{ url: origin.url }], maxSize: 1 })
  const answers = [1, 2, 3].map(() => send(app.upstream, { method: 'POST' }))
  t.strictSame(
    (await Promise.all(answers.slice(1))).map(({ body }) => String(body)),
    ['second', 'second'],
  )
  t.equal(origin.connections, 2, 'the draining connection keeps no place')
  open[0]?.head(200).data('first', end)
  t.equal(String((await (answers[0] as Promise<{ body: Buffer }>)).body), 'first')
  await until('the old connection to be gone', () => originOf(app).open === 1)
})

t.test('GOAWAY with an error ends what it has accepted', async t => {
  const origin = await rawH2Origin(t, stream => void stream.goaway(stream.id, NGHTTP2_INTERNAL_ERROR))
  const app = await startApp(t, { origins: [{ url: origin.url }] })
  await t.rejects(send(app.upstream, { method: 'POST' }), reset)
  await until('the connection to be gone', () => originOf(app).open === 0)
})

t.test('a whole answer survives the end of its connection while its reader is slow', async t => {
  const asked = Promise.withResolvers<RawStream>()
  const origin = await rawH2Origin(t, stream => asked.resolve(stream))
  const app = await startApp(t, { origins: [{ url: origin.url }] })
  const sent = begin(app.upstream)
  const stream = await asked.promise
  sent.controller.pause()
  const closed = once(stream.socket, 'close')
  stream.head(200).data('a').data('b').data('c', end).socket.end()
  await closed
  t.equal(originOf(app).inFlight, 1)
  sent.controller.resume()
  t.equal(String((await sent.answer).body), 'abc')
  await until('the connection to be gone', () => originOf(app).open === 0)
})

t.test('what does not speak HTTP/2 is a failure to connect', async t => {
  const wrong = await rawH2Origin(t, () => {}, Buffer.from('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'))
  const app = await startApp(t, { origins: [{ url: wrong.url }] })
  await t.rejects(send(app.upstream), { ...invalid, unsent: true })
  t.equal(originOf(app).open, 0)
})

t.test('an origin that allows no stream is full, and is not dialled in a loop', async t => {
  const origin = await rawH2Origin(t, () => {}, settings([3, 0]))
  const app = await startApp(t, { origins: [{ url: origin.url }] })
  await t.rejects(send(app.upstream), { code: 'HG_UPSTREAM_FULL', statusCode: 503, unsent: true })
  t.equal(origin.connections, 1)
})

t.test('a limit that is raised lets the waiting go on', async t => {
  const open: RawStream[] = []
  const origin = await rawH2Origin(t, stream => void open.push(stream), settings([3, 1]))
  const app = await startApp(t, { origins: [{ url: origin.url }], maxSize: 1, queueTimeoutMs: 30_000 })
  const answers = [1, 2, 3].map(() => send(app.upstream))
  await until('the first', () => open.length === 1)
  t.match(originOf(app), { inFlight: 1, pending: 2 })
  open[0]?.socket.write(settings([3, 3]))
  await until('all of them', () => open.length === 3)
  for (const stream of open) stream.head(200).data('ok', end)
  for (const { status } of await Promise.all(answers)) t.equal(status, 200)
  t.equal(origin.connections, 1)
})

t.test('a caller that leaves cancels its stream', async t => {
  const origin = await rawH2Origin(t, stream => void stream.head(200).data('half'))
  const app = await startApp(t, { origins: [{ url: origin.url }] })
  const sent = begin(app.upstream)
  await until('the stream', () => origin.streams.length === 1)
  sent.controller.abort(new Error('the client left'))
  await t.rejects(sent.answer, { message: 'the client left' })
  await until('the reset', () => origin.resets.length === 1)
  t.strictSame(origin.resets, [NGHTTP2_CANCEL])
  t.match(originOf(app), { open: 1, inFlight: 0 })
})

t.test('an upload that breaks off is reset, never brought to an end', async t => {
  const origin = await rawH2Origin(t, () => {})
  const app = await startApp(t, { origins: [{ url: origin.url }] })
  const left = new PassThrough().on('error', () => {})
  const two = () => Readable.from([Buffer.from('ab')])
  const broken = [
    { body: left, bodyLength: null },
    { body: two(), bodyLength: 3 },
    { body: two(), bodyLength: 1 },
  ]
  for (const [i, upload] of broken.entries()) {
    const answer = send(app.upstream, { method: 'POST', ...upload })
    await until('the stream', () => origin.streams.length === i + 1)
    left.destroy(new Error('the client left'))
    await t.rejects(answer, { code: 'HG_UPSTREAM_ABORTED' })
    await until('the reset', () => origin.resets.length === i + 1)
  }
  t.strictSame(origin.resets, [NGHTTP2_CANCEL, NGHTTP2_CANCEL, NGHTTP2_CANCEL])
  t.strictSame(origin.ended, [])
  await t.rejects(send(app.upstream, { method: 'POST', body: left }), { code: 'HG_UPSTREAM_ABORTED', unsent: true })
  t.equal(origin.streams.length, 3, 'what is broken before it begins is not sent')
})

t.test('a caller that leaves in mid-upload resets it, and a whole upload ends', async t => {
  const origin = await rawH2Origin(t, () => {})
  const app = await startApp(t, { origins: [{ url: origin.url }] })
  const sent = begin(app.upstream, endless())
  await until('the stream', () => origin.streams.length === 1)
  sent.controller.abort(new Error('the client left'))
  await t.rejects(sent.answer, { message: 'the client left' })
  await until('the reset', () => origin.resets.length === 1)
  t.strictSame(origin.ended, [])
  const whole = begin(app.upstream, { method: 'POST', body: Readable.from([Buffer.from('ab')]) })
  await until('its end', () => origin.ended.length === 1)
  t.strictSame(origin.ended, [origin.streams[1]])
  whole.controller.abort(new Error('enough'))
  await t.rejects(whole.answer, { message: 'enough' })
})

t.test('a silent server of another kind is given up', async t => {
  const port = await listen(
    t,
    net.createServer(socket => void socket.resume()),
  )
  const socket = net.connect(port, '127.0.0.1')
  await new Promise<void>(resolve => void socket.once('connect', () => resolve()))
  const events = { onFree: () => {}, onGone: () => {} }
  const opened = new Promise<unknown>(resolve =>
    openH2(socket, { origin: { scheme: 'http', authority: 'a' }, events, settingsTimeoutMs: 50 }, resolve),
  )
  t.match(await opened, { code: 'HG_UPSTREAM_CONNECT_TIMEOUT', unsent: true })
  t.ok(socket.destroyed)
})
