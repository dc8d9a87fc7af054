import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import t from 'tap'
import type { ExchangeRequest } from '../../../../plugins/upstream/exchange.ts'
import { answering, connect, exchange, get, post, recorder, startOrigin, turn } from './support.ts'

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const head = 'POST /up HTTP/1.1\r\nHost: origin.test\r\n'

/** An origin that answers once it has received `count` bytes. */
function answerAfter(t: { teardown(fn: () => unknown): void }, count: number) {
  let received = 0
  return startOrigin(t, (socket, piece) => {
    received += piece.length
    if (received >= count) socket.write(ok)
  })
}

t.test('a body is written behind its head with the framing of its length', async t => {
  const chunkedHead = `${head}Transfer-Encoding: chunked\r\n\r\n`
  const trailing = { trailers: () => ['X-T', '1', 'Content-Length', '9'] }
  const cases: [string, () => ExchangeRequest, string][] = [
    ['no body', () => post(null, null), `${head}Content-Length: 0\r\n\r\n`],
    ['a Buffer', () => post(Buffer.from('hello'), 5), `${head}Content-Length: 5\r\n\r\nhello`],
    ['an empty Buffer', () => post(Buffer.alloc(0), 0), `${head}Content-Length: 0\r\n\r\n`],
    ['a Buffer, chunked', () => post(Buffer.from('hello'), null), `${chunkedHead}5\r\nhello\r\n0\r\n\r\n`],
    ['an empty Buffer, chunked', () => post(Buffer.alloc(0), null), `${chunkedHead}0\r\n\r\n`],
    [
      'a Buffer with trailers',
      () => ({ ...post(Buffer.from('hello'), null), ...trailing }),
      `${chunkedHead}5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n`,
    ],
    ['a stream', () => post(Readable.from(['he', 'llo']), 5), `${head}Content-Length: 5\r\n\r\nhello`],
    ['an empty stream', () => post(Readable.from([]), 0), `${head}Content-Length: 0\r\n\r\n`],
    [
      'a stream, chunked',
      () => post(Readable.from(['he', Buffer.alloc(0), 'llo world']), null),
      `${chunkedHead}2\r\nhe\r\n9\r\nllo world\r\n0\r\n\r\n`,
    ],
    ['an empty stream, chunked', () => post(Readable.from([]), null), `${chunkedHead}0\r\n\r\n`],
    [
      'a stream with trailers',
      () => ({ ...post(Readable.from(['a']), null), ...trailing }),
      `${chunkedHead}1\r\na\r\n0\r\nX-T: 1\r\n\r\n`,
    ],
  ]
  for (const [name, request, bytes] of cases) {
    const origin = await answerAfter(t, bytes.length)
    const { connection, told } = await connect(t, origin.port)
    const outcome = await exchange(connection, request())
    t.strictSame(outcome.calls, ['start', 'sent', 'head 200', 'data', 'end'], name)
    t.equal(origin.received[0], bytes)
    t.strictSame(told, ['free'])
  }
})

t.test('head and first bytes of a body leave in one piece', async t => {
  const pieces: string[] = []
  const origin = await startOrigin(t, (socket, piece) => {
    pieces.push(piece)
    if (piece.endsWith('end')) socket.write(ok)
  })
  const { connection } = await connect(t, origin.port)
  const source = new PassThrough()
  source.write('begin')
  const handler = recorder()
  connection.dispatch(post(source, 8), handler)
  while (pieces.length === 0) await turn()
  t.equal(pieces[0], `${head}Content-Length: 8\r\n\r\nbegin`)
  t.notOk(handler.outcome.calls.includes('sent'))
  source.end('end')
  t.match(await handler.done, { body: 'ok', calls: ['start', 'sent', 'head 200', 'data', 'end'] })
})

t.test('a request that is aborted in the turn of its dispatch is not told as sent', async t => {
  const origin = await startOrigin(t, () => {})
  for (const body of [Buffer.from('hello'), Readable.from([Buffer.from('hello')])]) {
    const { connection, gone } = await connect(t, origin.port)
    const handler = recorder()
    connection.dispatch(post(body, 5), handler)
    handler.controller!.abort(new Error('left'))
    await gone
    t.strictSame(handler.outcome.calls, ['start', 'error'])
  }
})

t.test('large bodies arrive byte for byte, from a Buffer and streamed, with and without a length', async t => {
  const body = Buffer.alloc(5 * 1024 * 1024, 'abcdefghijklmnopqrstuvwxyz')
  const pieces = () => {
    const list: Buffer[] = []
    for (let at = 0; at < body.length; at += 70_000) list.push(body.subarray(at, at + 70_000))
    return Readable.from(list)
  }
  for (const request of [post(body, body.length), post(pieces(), body.length), post(pieces(), null)]) {
    let tail = ''
    let count = 0
    const origin = await startOrigin(t, (socket, piece) => {
      count += piece.length
      tail = (tail + piece).slice(-7)
      const isAll = request.bodyLength === null ? tail.endsWith('\r\n0\r\n\r\n') : count > body.length
      if (isAll) socket.write(ok)
    })
    const { connection, told } = await connect(t, origin.port)
    t.match(await exchange(connection, request), { body: 'ok', failure: null })
    t.strictSame(told, ['free'])
    const sent = origin.received[0]!
    const content = sent.slice(sent.indexOf('\r\n\r\n') + 4).replace(/\r\n[0-9a-f]+\r\n|^[0-9a-f]+\r\n/g, '')
    t.ok(
      request.bodyLength === null ? content.startsWith(body.toString('latin1')) : content === body.toString('latin1'),
    )
  }
})

t.test('an upload waits for an origin that reads slowly', async t => {
  const origin = await startOrigin(t, () => {}, { pauseOnConnect: true })
  const { connection, socket } = await connect(t, origin.port)
  let produced = 0
  const chunk = Buffer.alloc(65_536)
  const source = new Readable({
    read() {
      produced += chunk.length
      this.push(chunk)
    },
  })
  const handler = recorder()
  connection.dispatch(post(source, 256 * 1024 * 1024), handler)
  await once(source, 'pause')
  // The origin reads nothing: what was produced is in buffers of the kernel, and little of it in ours.
  while (!socket.writableNeedDrain) await turn()
  for (let i = 0; i < 50; i++) await turn()
  t.ok(produced < 32 * 1024 * 1024, `${produced} bytes produced`)
  t.ok(socket.writableLength < 512 * 1024, `${socket.writableLength} bytes held`)
  const before = produced
  origin.sockets[0]!.resume()
  while (produced < before + 16 * 1024 * 1024) await once(source, 'resume')
  t.notOk(handler.outcome.calls.includes('sent'))
  connection.destroy(new Error('enough'))
  await handler.done
  t.equal(source.destroyed, false)
})

t.test('an upload that breaks off never looks complete to the origin', async t => {
  const cases: [string, number | null, (source: PassThrough) => void][] = [
    ['error', 10, source => source.destroy(new Error('disk'))],
    ['error, chunked', null, source => source.destroy(new Error('disk'))],
    ['close', 10, source => void source.destroy()],
    ['close, chunked', null, source => void source.destroy()],
    ['too little', 10, source => void source.end('x')],
    ['too much', 10, source => void source.end('0123456789')],
  ]
  for (const [name, length, breakOff] of cases) {
    const origin = await startOrigin(t, () => {})
    const { connection, gone, told } = await connect(t, origin.port)
    const source = new PassThrough()
    source.write('hello')
    const handler = recorder()
    connection.dispatch(post(source, length), handler)
    while (!origin.received[0]?.endsWith('hello') && !origin.received[0]?.endsWith('hello\r\n')) await turn()
    breakOff(source)
    t.match(await handler.done, { failure: 'aborted', unsent: false, calls: ['start', 'error'] }, name)
    await gone
    t.strictSame(told, ['gone'])
    if (!origin.sockets[0]!.destroyed) await once(origin.sockets[0]!, 'close')
    const received = origin.received[0]!
    t.notOk(received.includes('\r\n0\r\n'), 'no last chunk')
    const body = received.slice(received.indexOf('\r\n\r\n') + 4)
    t.ok(length === null || body.length < length, `${body.length} bytes of ${length}`)
    for (const event of ['data', 'end', 'close'])
      t.ok(source.listenerCount(event) <= 1, `no listener for ${event} stays`)
  }
})

t.test('bytes beyond the announced length of a body that is complete still end the connection', async t => {
  const origin = await startOrigin(t, () => {})
  const { connection, gone } = await connect(t, origin.port)
  const source = new PassThrough()
  const handler = recorder()
  connection.dispatch(post(source, 5), handler)
  source.write('hello')
  while (!origin.received[0]?.endsWith('hello')) await turn()
  source.write('more')
  t.match(await handler.done, { failure: 'aborted', calls: ['start', 'sent', 'error'] })
  await gone
  t.notOk(origin.received[0]!.includes('more'))
})

t.test('a body that cannot be sent any more fails before the first byte', async t => {
  const failed = new PassThrough().on('error', () => {})
  failed.destroy(new Error('gone'))
  const closed = new PassThrough()
  closed.destroy()
  const read = Readable.from(['a'])
  read.resume()
  await Promise.all([once(closed, 'close'), once(read, 'close')])
  const origin = await answering(t, ok)
  const { connection, told } = await connect(t, origin.port)
  for (const source of [failed, closed, read]) {
    t.match(await exchange(connection, post(source, 1)), { failure: 'aborted', unsent: true })
    await turn()
  }
  t.match(await exchange(connection), { body: 'ok' })
  t.strictSame(told, ['free', 'free', 'free', 'free'])
})

t.test('an empty body that has ended before is an empty body', async t => {
  const source = Readable.from([])
  source.resume()
  await once(source, 'close')
  const origin = await answering(t, ok)
  const { connection } = await connect(t, origin.port)
  t.match(await exchange(connection, post(source, null)), { body: 'ok', failure: null })
  t.equal(origin.received[0], `${head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`)
})

t.test('trailers that may not be written, or that throw, break the upload off', async t => {
  const cases: (() => string[])[] = [
    () => ['X', 'a\r\nY: b'],
    () => {
      throw new Error('no trailers')
    },
  ]
  for (const trailers of cases) {
    for (const body of [Buffer.from('a'), Readable.from(['a'])]) {
      const origin = await startOrigin(t, () => {})
      const { connection, gone } = await connect(t, origin.port)
      // A whole body has not left yet.
      const unsent = Buffer.isBuffer(body)
      t.match(await exchange(connection, { ...post(body, null), trailers }), { failure: 'aborted', unsent })
      await gone
      t.notOk(origin.received[0]?.includes('\r\n0\r\n'))
    }
  }
})

t.test(
  'T10: an answer that comes before the body was read is delivered, and the connection is not used again',
  async t => {
    const refusal = 'HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig'
    for (const length of [100_000, null]) {
      const origin = await answering(t, refusal)
      const { connection, told, gone } = await connect(t, origin.port)
      const source = new PassThrough()
      source.write('0123456789')
      const outcome = await exchange(connection, post(source, length))
      await gone
      t.match(outcome, { status: 413, body: 'big', failure: null })
      t.strictSame(told, ['gone'])
      t.equal(source.destroyed, false)
      t.equal(source.isPaused(), true)
      t.equal(source.listenerCount('data'), 0)
    }
  },
)

t.test('T10: an early answer is not lost when a write runs into the reset behind it', async t => {
  for (const body of ['stream', 'large Buffer'] as const) {
    const source = new PassThrough()
    const origin = await startOrigin(t, socket => {
      socket.pause()
      socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig')
      socket.resetAndDestroy()
      // In the same turn, so that the reset is met by a write before anything was read.
      process.nextTick(() => source.write('more'))
    })
    const { connection, told, gone } = await connect(t, origin.port)
    if (body === 'stream') source.write('first')
    const request = body === 'stream' ? post(source, 100_000) : post(Buffer.alloc(64 * 1024 * 1024), 64 * 1024 * 1024)
    const outcome = await exchange(connection, request)
    await gone
    t.match(outcome, { status: 413, body: 'big', failure: null }, body)
    t.strictSame(told, ['gone'])
    t.equal(source.destroyed, false)
  }
})

t.test('a failed write does not make a cut answer whole', async t => {
  const source = new PassThrough()
  const origin = await startOrigin(t, socket => {
    socket.write('HTTP/1.1 413 Content Too Large\r\n\r\nbig')
    socket.resetAndDestroy()
    process.nextTick(() => source.write('more'))
  })
  const { connection } = await connect(t, origin.port)
  source.write('first')
  t.match(await exchange(connection, post(source, 100_000)), { status: 413, body: 'big', failure: 'incomplete' })
})

t.test('a failed write without any answer fails the exchange at the latest after a second', async t => {
  const origin = await startOrigin(t, () => {})
  const { connection, socket } = await connect(t, origin.port)
  const source = new PassThrough()
  const cause = Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' })
  const handler = recorder()
  connection.dispatch(post(source, 10), handler)
  const startedMs = performance.now()
  socket.destroy(cause)
  socket.destroy(Object.assign(new Error('write ECONNRESET'), { syscall: 'write' }))
  t.equal(socket.destroyed, false)
  t.equal(source.listenerCount('data'), 0)
  // The timer of the connection does not hold the process.
  const held = setTimeout(() => {}, 5000)
  t.match(await handler.done, { failure: 'reset', unsent: false, error: { cause } })
  clearTimeout(held)
  const tookMs = performance.now() - startedMs
  t.ok(tookMs > 900 && tookMs < 4000, `${tookMs} ms`)
  t.equal(socket.destroyed, true)
})

t.test('a failed write of a request without a body fails it at once', async t => {
  const origin = await startOrigin(t, () => {})
  const { connection, socket } = await connect(t, origin.port)
  const handler = recorder()
  connection.dispatch(get(), handler)
  await turn()
  socket.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' }))
  t.equal(socket.destroyed, true)
  t.match(await handler.done, { failure: 'reset', unsent: false })
})

t.test('what a connection is lost before is known not to have been sent, whatever its method', async t => {
  for (const body of [null, Buffer.from('a')]) {
    const origin = await startOrigin(t, () => {})
    const { connection, socket, gone } = await connect(t, origin.port)
    const handler = recorder()
    connection.dispatch(post(body, body?.length ?? 0), handler)
    // As by a reset that is read later in the same turn.
    socket.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' }))
    t.match(await handler.done, { failure: 'reset', unsent: true })
    await gone
    await turn()
    t.strictSame(origin.received.join(''), '')
  }
})
