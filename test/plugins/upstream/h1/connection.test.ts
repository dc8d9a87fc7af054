import { once } from 'node:events'
import t from 'tap'
import { upstreamFailure } from '../../../../plugins/upstream/errors.ts'
import { type ExchangeHandler, rawHeadersOnly } from '../../../../plugins/upstream/exchange.ts'
import { answering, connect, exchange, get, post, recorder, startOrigin, turn } from './support.ts'

const whole = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'

t.test('an answer arrives in the order of the callbacks, with its raw head', async t => {
  const head =
    'HTTP/1.1 200 Fine\r\nSet-Cookie: a\r\nset-cookie: b\r\nX-Latin: \xe9\r\n__proto__: p\r\nContent-Length: 5\r\n'
  const origin = await answering(t, `${head}\r\nhello`)
  const { connection, told } = await connect(t, origin.port)
  const outcome = await exchange(connection)
  t.strictSame(outcome.calls, ['start', 'sent', 'head 200', 'data', 'end'])
  t.match(outcome, { status: 200, message: 'Fine', body: 'hello', rawTrailers: null })
  t.strictSame(outcome.rawHeaders, [
    ...['Set-Cookie', 'a', 'set-cookie', 'b', 'X-Latin', '\xe9', '__proto__', 'p', 'Content-Length', '5'],
  ])
  t.strictSame(outcome.headers['set-cookie'], ['a', 'b'])
  t.equal(Object.getPrototypeOf(outcome.headers), null)
  t.strictSame(Object.keys(outcome.headers), ['set-cookie', 'x-latin', '__proto__', 'content-length'])
  t.equal(origin.received[0], 'GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n')
  t.strictSame(told, ['free'])
  t.match(connection, { capacity: 1, inFlight: 0, used: true })
  t.equal(connection.bytesWritten, origin.received[0]!.length)
  t.equal(connection.bytesRead, head.length + 7)
})

t.test('a handler that reads raw heads only gets one shared empty object', async t => {
  const origin = await answering(t, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-T: 1\r\n\r\n')
  const { connection } = await connect(t, origin.port)
  const outcome = await exchange(connection, get(), { [rawHeadersOnly]: true })
  t.strictSame(Object.keys(outcome.headers), [])
  t.ok(Object.isFrozen(outcome.headers))
  t.equal(outcome.trailers, outcome.headers)
  t.strictSame(outcome.rawHeaders, ['Transfer-Encoding', 'chunked'])
  t.strictSame(outcome.rawTrailers, ['X-T', '1'])
})

t.test('one connection carries request after request, the next from within onFree', async t => {
  const origin = await answering(t, whole)
  const bodies: string[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const { connection, told } = await connect(t, origin.port, {
    onFree(free) {
      t.equal(free.inFlight, 0)
      if (bodies.length === 3) return resolve()
      next()
    },
  })
  const next = () => {
    const handler = recorder({ onResponseEnd: () => void bodies.push(handler.outcome.body) })
    connection.dispatch(get(`/${bodies.length}`), handler)
    t.equal(connection.inFlight, 1)
  }
  next()
  await promise
  t.strictSame(bodies, ['hello', 'hello', 'hello'])
  t.equal(origin.sockets.length, 1)
  t.strictSame(told, ['free', 'free', 'free'])
})

t.test('a connection is kept only where the answer and its end allow it', async t => {
  const cases: [string, string, string][] = [
    ['GET', whole, 'free'],
    ['GET', 'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=9\r\nContent-Length: 0\r\n\r\n', 'free 5000'],
    ['GET', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n', 'free'],
    ['GET', 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n', 'free'],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\n', 'free'],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 1234\r\n\r\n', 'free'],
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 'free'],
    ['HEAD', 'HTTP/1.1 200 OK\r\n\r\n', 'free'],
    // What some apps send behind it would be read as the answer to the next request.
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n', 'gone'],
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n', 'gone'],
    ['HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 'gone'],
    ['GET', 'HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 0\r\n\r\n', 'gone'],
    ['GET', 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n', 'gone'],
    ['GET', `${whole}surplus`, 'gone'],
    ['GET', `${whole}${whole}`, 'gone'],
    ['GET', `${whole}\r\n`, 'gone'],
    ['HEAD', `HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello`, 'gone'],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello', 'gone'],
    ['GET', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n0\r\n\r\n', 'gone'],
  ]
  for (const [method, answer, expected] of cases) {
    const origin = await answering(t, answer)
    const { connection, told } = await connect(t, origin.port)
    const outcome = await exchange(connection, get('/', method))
    await turn()
    t.equal(outcome.calls.at(-1), 'end', answer)
    t.strictSame(told, [expected], answer)
    t.equal(connection.capacity, expected === 'gone' ? 0 : 1)
  }
})

t.test('interim answers are handed on and the final one follows', async t => {
  const interim =
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'
  const origin = await answering(t, interim + whole)
  const { connection, told } = await connect(t, origin.port)
  const links: string[][] = []
  const outcome = await exchange(connection, get(), {
    onResponseStart: controller => void links.push(controller.rawHeaders as string[]),
  })
  t.strictSame(outcome.calls, ['start', 'sent', 'head 100', 'head 102', 'head 103', 'head 200', 'data', 'end'])
  t.strictSame(links[2], ['Link', '</a>'])
  t.equal(outcome.body, 'hello')
  t.strictSame(told, ['free'])
})

t.test('an answer that breaks the rules fails with its kind and closes the connection', async t => {
  const ok = 'HTTP/1.1 200 OK\r\n'
  const cases: [string, string, string[]][] = [
    ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n', 'invalid', []],
    ['HTTP/1.1 100 Continue\r\n\r\n'.repeat(17) + whole, 'invalid', Array(16).fill('head 100')],
    ['SSH-2.0-OpenSSH_9.2\r\n', 'invalid', []],
    ['\x16\x03\x01', 'invalid', []],
    ['\r\n', 'invalid', []],
    ['HTTP/1.1 200 OK\nX: a\rY: b\n\n', 'invalid', []],
    [`${ok}X: a\rX-Evil: 1\r\n\r\n`, 'invalid', []],
    [`${ok}X : a\r\n\r\n`, 'invalid', []],
    [`${ok}X: a\r\n b\r\n\r\n`, 'invalid', []],
    [`${ok}Content-Length: 5\r\nContent-Length: 10\r\n\r\nhello`, 'invalid', []],
    [`${ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 'invalid', []],
    [`${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX`, 'invalid', ['head 200', 'data']],
    [`${ok}X: ${'a'.repeat(1000)}`, 'headTooLarge', []],
    [`${ok}X: ${'a'.repeat(1000)}\r\n\r\n`, 'headTooLarge', []],
    [`${ok}X: a\r\n${'Y: b\r\n'.repeat(200)}`, 'headTooLarge', []],
  ]
  for (const [answer, kind, calls] of cases) {
    const origin = await answering(t, answer)
    const { connection, told, gone } = await connect(t, origin.port, { maxHeadBytes: 1000 })
    const outcome = await exchange(connection)
    t.equal(outcome.failure, kind, JSON.stringify(answer.slice(0, 60)))
    t.strictSame(outcome.calls, ['start', 'sent', ...calls, 'error'])
    t.equal(outcome.unsent, false)
    t.equal(await gone, false)
    t.strictSame(told, ['gone'])
    t.ok((outcome.error as Error).cause, 'says why')
  }
})

t.test('lines that end with LF alone are understood, and are the last that the connection says', async t => {
  for (const answer of [
    'HTTP/1.1 200 OK\nX: a\nContent-Length: 9\n\nhe\r\n\r\nllo',
    'HTTP/1.1 200 OK\r\nX: a\nContent-Length: 9\r\n\r\nhe\r\n\r\nllo',
    'HTTP/1.1 103 Early Hints\nLink: </a>\n\nHTTP/1.1 200 OK\r\nX: a\r\nContent-Length: 9\r\n\r\nhe\r\n\r\nllo',
    'HTTP/1.1 200 OK\r\nX: a\nContent-Length: 9\r\n\r\nhe\r\n\r\nlloHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  ]) {
    const origin = await answering(t, answer)
    const { connection, told, gone } = await connect(t, origin.port)
    const outcome = await exchange(connection)
    const calls = outcome.calls.filter(call => call !== 'head 103')
    t.strictSame(calls, ['start', 'sent', 'head 200', 'data', 'end'], JSON.stringify(answer))
    t.equal(outcome.body, 'he\r\n\r\nllo')
    t.equal(outcome.headers['x'], 'a')
    await gone
    t.strictSame(told, ['gone'])
  }
})

t.test('an endless head is cut off as it arrives', async t => {
  const origin = await startOrigin(t, socket => {
    const flood = () => {
      while (socket.writable && socket.write('X: aaaaaaaaaaaaaaaaaaaaaaaaaa\r\n'.repeat(100)));
    }
    socket.write('HTTP/1.1 200 OK\r\n')
    socket.on('drain', flood)
    flood()
  })
  const { connection, socket } = await connect(t, origin.port)
  const outcome = await exchange(connection)
  t.equal(outcome.failure, 'headTooLarge')
  t.ok(socket.destroyed)
  t.ok(connection.bytesRead < 1024 * 1024)
})

t.test('an origin that leaves too early fails the exchange, by what had come', async t => {
  const ok = 'HTTP/1.1 200 OK\r\n'
  const cases: [string, string, string[]][] = [
    ['', 'reset', []],
    ['H', 'incomplete', []],
    [ok, 'incomplete', []],
    ['HTTP/1.1 100 Continue\r\n\r\n', 'incomplete', ['head 100']],
    [`${ok}Content-Length: 9\r\n\r\n`, 'incomplete', ['head 200']],
    [`${ok}Content-Length: 9\r\n\r\nhello`, 'incomplete', ['head 200', 'data']],
    [`${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`, 'incomplete', ['head 200', 'data']],
    [`${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n`, 'incomplete', ['head 200', 'data']],
  ]
  for (const [answer, kind, calls] of cases) {
    for (const how of ['end', 'reset'] as const) {
      const origin = await answering(t, answer, socket => (how === 'end' ? socket.end() : socket.resetAndDestroy()))
      const { connection, told, gone } = await connect(t, origin.port)
      const outcome = await exchange(connection)
      t.strictSame(outcome.calls, ['start', 'sent', ...calls, 'error'], `${how} after ${JSON.stringify(answer)}`)
      t.match(outcome, { failure: kind, unsent: false })
      await gone
      t.strictSame(told, ['gone'])
    }
  }
})

t.test('an answer without a length ends with a proper close and with nothing else', async t => {
  const answer = 'HTTP/1.1 200 OK\r\n\r\nhello'
  const closing = await answering(t, answer, socket => socket.end())
  const proper = await connect(t, closing.port)
  t.match(await exchange(proper.connection), { body: 'hello', failure: null })
  await proper.gone
  t.strictSame(proper.told, ['gone'])

  const breaking = await startOrigin(t, socket => {
    socket.write(answer)
  })
  const broken = await connect(t, breaking.port)
  const outcome = await exchange(broken.connection, get(), {
    onResponseData: () => breaking.sockets[0]!.resetAndDestroy(),
  })
  t.match(outcome, { body: 'hello', failure: 'incomplete' })
})

t.test('3 MiB without a length arrive whole', async t => {
  const body = 'abcdefgh'.repeat((3 * 1024 * 1024) / 8)
  const origin = await answering(t, `HTTP/1.1 200 OK\r\n\r\n${body}`, socket => socket.end())
  const { connection } = await connect(t, origin.port)
  const outcome = await exchange(connection)
  t.equal(outcome.failure, null)
  t.ok(outcome.body === body)
})

t.test('a connection that the origin closes or talks on while idle is gone', async t => {
  const cases: [string, (socket: import('node:net').Socket) => void, string][] = [
    ['close', socket => void socket.end(), 'gone idle'],
    ['reset', socket => void socket.resetAndDestroy(), 'gone idle'],
    ['bytes', socket => void socket.write('HTTP/1.1 408 Request Timeout\r\n\r\n'), 'gone'],
  ]
  for (const [name, act, expected] of cases) {
    const origin = await answering(t, whole)
    const { connection, told, gone } = await connect(t, origin.port)
    await exchange(connection)
    act(origin.sockets[0]!)
    await gone
    t.strictSame(told, ['free', expected], name)
    t.match(connection, { capacity: 0, inFlight: 0 })
    const late = await exchange(connection)
    t.match(late, { failure: 'reset', unsent: true, calls: ['error'] })
  }
})

t.test('a request that cannot be written fails unsent and leaves the connection as it was', async t => {
  const origin = await answering(t, whole)
  const { connection, told } = await connect(t, origin.port)
  const handler = recorder()
  connection.dispatch({ ...get(), headers: ['A', 'b\r\nC: d'] }, handler)
  t.strictSame(handler.outcome.calls, ['start'], 'no error comes back synchronously')
  t.match(await handler.done, { failure: 'invalid', unsent: true })
  await turn()
  t.match(await exchange(connection), { body: 'hello' })
  t.strictSame(told, ['free', 'free'])
  t.equal(origin.received[0], 'GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n')
})

t.test('a second request beside a running one is turned away', async t => {
  const origin = await startOrigin(t, () => {})
  const { connection } = await connect(t, origin.port)
  const first = recorder()
  connection.dispatch(get(), first)
  t.match(await exchange(connection), { failure: 'reset', unsent: true })
  t.equal(first.outcome.failure, null)
  t.equal(connection.inFlight, 1)
})

t.test('abort ends the exchange once, at any moment', async t => {
  const reason = new Error('the client has left')
  const moments: [string, (abort: () => void) => ExchangeHandler][] = [
    ['onRequestStart', abort => ({ onRequestStart: abort })],
    ['onRequestSent', abort => ({ onRequestSent: abort })],
    ['onResponseStart', abort => ({ onResponseStart: abort })],
    ['onResponseData', abort => ({ onResponseData: abort })],
  ]
  for (const [moment, extra] of moments) {
    const origin = await answering(t, whole)
    const { connection, socket, told, gone } = await connect(t, origin.port)
    const handler = recorder(extra(() => handler.controller!.abort(reason)))
    connection.dispatch(get(), handler)
    const outcome = await handler.done
    handler.controller!.abort(new Error('again'))
    await gone
    t.equal(outcome.error, reason, moment)
    t.equal(outcome.calls.filter(call => call === 'error' || call === 'end').length, 1)
    t.match(handler.controller, { aborted: true, reason })
    t.strictSame(told, ['gone'])
    t.ok(socket.destroyed)
  }
})

t.test('abort reaches the origin while it thinks, and does nothing once the answer is whole', async t => {
  const silent = await startOrigin(t, () => {})
  const waiting = await connect(t, silent.port)
  const handler = recorder()
  waiting.connection.dispatch(get(), handler)
  while (silent.sockets.length === 0 || silent.received[0] === '') await turn()
  handler.controller!.abort(new Error('left'))
  t.match(await handler.done, { failure: 'left' })
  await once(silent.sockets[0]!, 'close')

  const origin = await answering(t, whole)
  const { connection, told } = await connect(t, origin.port)
  const late = recorder({ onResponseEnd: controller => controller.abort(new Error('late')) })
  connection.dispatch(get(), late)
  await late.done
  await turn()
  t.strictSame(late.outcome.calls.at(-1), 'end')
  t.equal(late.controller!.aborted, false)
  t.strictSame(told, ['free'])
})

t.test('a handler that throws costs its connection and hears of it once', async t => {
  const moments = ['onRequestStart', 'onRequestSent', 'onResponseStart', 'onResponseData', 'onResponseEnd'] as const
  const thrown = new Error('a bug in the handler')
  for (const moment of moments) {
    const origin = await answering(t, whole)
    const { connection, told, gone } = await connect(t, origin.port)
    const handler = recorder({
      [moment]: () => {
        throw thrown
      },
    })
    connection.dispatch(get(), handler)
    await gone
    t.equal(handler.outcome.calls.filter(call => call === 'error').length, 1, moment)
    t.match(handler.outcome, { failure: 'aborted', error: { cause: thrown }, unsent: moment === 'onRequestStart' })
    t.strictSame(told, ['gone'])
    t.equal(connection.inFlight, 0)
  }
  const origin = await answering(t, 'nonsense')
  const { connection, gone } = await connect(t, origin.port)
  connection.dispatch(get(), {
    onResponseError() {
      throw thrown
    },
  })
  await gone
  t.equal(connection.inFlight, 0)
})

t.test('close lets the running exchange end; destroy fails it with its reason', async t => {
  const origin = await answering(t, whole)
  const closing = await connect(t, origin.port)
  const handler = recorder()
  closing.connection.dispatch(get(), handler)
  closing.connection.close()
  t.equal(closing.connection.capacity, 0)
  t.match(await handler.done, { body: 'hello' })
  t.equal(await closing.gone, false)
  t.strictSame(closing.told, ['gone'])

  const idle = await connect(t, origin.port)
  idle.connection.close()
  t.strictSame(idle.told, [], 'the pool is not called back from within close')
  t.equal(await idle.gone, false)

  const ended = await connect(t, origin.port)
  const reason = upstreamFailure('headTimeout', false)
  const failing = recorder()
  ended.connection.dispatch(get(), failing)
  ended.connection.destroy(reason)
  t.equal((await failing.done).error, reason)
  await ended.gone
  ended.connection.destroy(reason)
  ended.connection.close()
  await turn()
  t.strictSame(ended.told, ['gone'])
})

t.test('destroy from within onResponseEnd leaves the answer and ends the connection', async t => {
  const origin = await answering(t, whole)
  const { connection, told, gone } = await connect(t, origin.port)
  const outcome = await exchange(connection, get(), { onResponseEnd: () => connection.destroy(new Error('x')) })
  await gone
  t.equal(outcome.calls.at(-1), 'end')
  t.strictSame(told, ['gone'])
  t.equal(connection.inFlight, 0)
})

t.test('a socket that is closed already is gone, and never given a request', async t => {
  const origin = await answering(t, whole)
  const { socket } = await connect(t, origin.port)
  socket.destroy()
  const { connection, gone } = await connect(t, origin.port, {}, socket)
  t.equal(await gone, true)
  t.match(await exchange(connection, post(Buffer.from('a'), 1)), { failure: 'reset', unsent: true })
})
