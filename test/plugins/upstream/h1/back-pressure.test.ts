import { once } from 'node:events'
import net from 'node:net'
import t from 'tap'
import type { ExchangeController } from '../../../../plugins/upstream/exchange.ts'
import { answering, connect, get, receivedBytes, recorder, startOrigin, turn } from './support.ts'

const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

t.test('pause from within a callback stops the delivery inside the same bytes', async t => {
  const origin = await answering(t, `${chunked}1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n`)
  const { connection, told } = await connect(t, origin.port)
  const handler = recorder({
    onResponseStart: controller => controller.pause(),
    onResponseData: controller => controller.pause(),
  })
  connection.dispatch(get(), handler)
  const { outcome } = handler
  while (outcome.status === 0) await turn()
  for (const body of ['', 'a', 'ab', 'abc']) {
    for (let i = 0; i < 5; i++) await turn()
    t.equal(outcome.body, body)
    t.notOk(outcome.calls.includes('end'), 'the end waits as well')
    t.equal(handler.controller!.paused, true)
    handler.controller!.resume()
  }
  t.strictSame(outcome.calls, ['start', 'sent', 'head 200', 'data', 'end'])
  t.strictSame(told, ['free'])
})

t.test('the end of a counted body waits for the reader, and resume within the callback changes nothing', async t => {
  const origin = await answering(t, 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello')
  const { connection, told } = await connect(t, origin.port)
  const waiting = recorder({ onResponseData: controller => controller.pause() })
  connection.dispatch(get(), waiting)
  while (waiting.outcome.body === '') await turn()
  await turn()
  t.equal(waiting.outcome.calls.at(-1), 'data')
  waiting.controller!.resume()
  t.equal(waiting.outcome.calls.at(-1), 'end')
  const passing = recorder({
    onResponseData(controller) {
      controller.pause()
      controller.resume()
    },
  })
  connection.dispatch(get(), passing)
  await passing.done
  t.strictSame(told, ['free', 'free'])
})

t.test('while a reader has paused, the socket is not read: 64 MiB stay with the origin', async t => {
  const size = 64 * 1024 * 1024
  const block = Buffer.alloc(1024 * 1024, 'x')
  let handed = 0
  const origin = await startOrigin(t, socket => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
    const pump = () => {
      while (handed < size) {
        handed += block.length
        if (!socket.write(block)) return socket.once('drain', pump)
      }
      return socket
    }
    pump()
  })
  const { connection, socket, told } = await connect(t, origin.port)
  let received = 0
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  let controller: ExchangeController | null = null
  connection.dispatch(get(), {
    onRequestStart: started => {
      controller = started as ExchangeController
    },
    onResponseStart: started => started.pause(),
    onResponseData: (_, chunk) => {
      received += chunk.length
    },
    onResponseEnd: () => resolve(),
  })
  // The origin is stuck when its socket has taken nothing for many turns.
  let before = -1
  while (before !== connection.bytesRead || handed === 0) {
    before = connection.bytesRead
    for (let i = 0; i < 50; i++) await turn()
  }
  t.equal(received, 0)
  t.ok(connection.bytesRead < 1024 * 1024, `${connection.bytesRead} bytes read while paused`)
  t.ok(socket.readableLength < 256 * 1024)
  t.ok(handed < size / 2, `${handed} bytes taken from the origin`)
  controller!.resume()
  await ended
  t.equal(received, size)
  t.strictSame(told, ['free'])
})

t.test('an answer that was whole before the origin left is delivered to a reader that comes back later', async t => {
  const cases: [string, string, 'end' | 'reset', string | null][] = [
    ['counted', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 'end', null],
    ['counted', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 'reset', null],
    ['chunked', `${chunked}5\r\nhello\r\n0\r\n\r\n`, 'reset', null],
    ['without a length', 'HTTP/1.1 200 OK\r\n\r\nhello', 'end', null],
    ['without a length', 'HTTP/1.1 200 OK\r\n\r\nhello', 'reset', 'incomplete'],
    ['cut', 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello', 'end', 'incomplete'],
    ['cut', 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello', 'reset', 'incomplete'],
  ]
  for (const [name, answer, how, failure] of cases) {
    const origin = await answering(t, answer, socket => (how === 'end' ? socket.end() : socket.resetAndDestroy()))
    const { connection, socket, told, gone } = await connect(t, origin.port)
    const handler = recorder({ onResponseStart: controller => controller.pause() })
    const closed = once(socket, 'close').catch(() => {})
    connection.dispatch(get(), handler)
    await closed
    t.strictSame(handler.outcome.calls, ['start', 'sent', 'head 200'], `${name}, ${how}`)
    t.equal(connection.inFlight, 1)
    handler.controller!.resume()
    t.match(await handler.done, { body: 'hello', failure })
    await gone
    t.strictSame(told, ['gone'])
  }
})

t.test('a reader that stops and goes on within a callback gets all that came before the origin left', async t => {
  const answer = `${chunked}1\r\na\r\n1\r\nb\r\n0\r\n\r\n`
  const origin = await answering(t, answer, socket => socket.end())
  const { connection, socket } = await connect(t, origin.port)
  const closed = once(socket, 'close')
  const handler = recorder({
    onResponseStart: controller => controller.pause(),
    onResponseData(controller) {
      controller.pause()
      controller.resume()
    },
  })
  connection.dispatch(get(), handler)
  await closed
  handler.controller!.resume()
  t.match(await handler.done, { body: 'ab', failure: null })
})

t.test('what is held for a paused reader does not depend on the buffer it came in', async t => {
  const origin = await startOrigin(t, () => {})
  const { connection } = await connect(t, origin.port)
  const handler = recorder({ onResponseStart: controller => controller.pause() })
  connection.dispatch(get(), handler)
  const recycled = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')
  connection.consume(recycled)
  recycled.fill('x')
  const next = Buffer.from('world')
  connection.consume(next)
  next.fill('y')
  handler.controller!.resume()
  t.match(await handler.done, { body: 'helloworld', failure: null })
})

t.test('bytes that had been read for a paused reader survive a reset, landed or in a stream', async t => {
  const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'
  for (const isStream of [false, true]) {
    const origin = await startOrigin(t, socket => socket.write(answer))
    const given = isStream ? net.connect({ port: origin.port, host: '127.0.0.1' }) : null
    const { connection, socket } = await connect(t, origin.port, {}, given)
    const handler = recorder({ onResponseData: controller => controller.pause() })
    connection.dispatch(get(), handler)
    while (handler.outcome.body === '') await turn()
    origin.sockets[0]!.write('world')
    await receivedBytes(socket, answer.length + 5)
    const closed = once(socket, 'close').catch(() => {})
    origin.sockets[0]!.resetAndDestroy()
    await closed
    t.equal(handler.outcome.body, 'hello')
    handler.controller!.resume()
    t.equal(handler.outcome.body, 'helloworld')
    handler.controller!.resume()
    t.match(await handler.done, { body: 'helloworld', failure: null })
  }
})

t.test('a reader that has paused with nothing held hears of a reset at once', async t => {
  const origin = await answering(t, 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')
  const { connection } = await connect(t, origin.port)
  const handler = recorder({ onResponseData: controller => controller.pause() })
  connection.dispatch(get(), handler)
  while (handler.outcome.body === '') await turn()
  origin.sockets[0]!.resetAndDestroy()
  t.match(await handler.done, { failure: 'incomplete' })
})

t.test('abort while paused ends the exchange and drops what was held', async t => {
  const origin = await answering(t, `${chunked}1\r\na\r\n1\r\nb\r\n0\r\n\r\n`)
  const { connection, told, gone } = await connect(t, origin.port)
  const handler = recorder({ onResponseData: controller => controller.pause() })
  connection.dispatch(get(), handler)
  while (handler.outcome.body === '') await turn()
  handler.controller!.abort(new Error('left'))
  handler.controller!.resume()
  await gone
  t.match(handler.outcome, { body: 'a', failure: 'left' })
  t.strictSame(told, ['gone'])
})

t.test('a reader that stops and goes on at every piece gets a large chunked answer byte for byte', async t => {
  const body = 'abcdefghijklmnop'.repeat(65_536)
  let answer = chunked
  for (let at = 0; at < body.length; at += 10_007) {
    const piece = body.slice(at, at + 10_007)
    answer += `${piece.length.toString(16)}\r\n${piece}\r\n`
  }
  const origin = await answering(t, `${answer}0\r\n\r\n`)
  const { connection } = await connect(t, origin.port)
  const handler = recorder({
    onResponseData(controller) {
      controller.pause()
      setImmediate(() => controller.resume())
    },
  })
  connection.dispatch(get(), handler)
  const outcome = await handler.done
  t.ok(outcome.body === body)
})
