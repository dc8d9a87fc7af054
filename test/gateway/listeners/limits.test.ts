import { type AddressInfo, createServer, type Server } from 'node:net'
import t from 'tap'
import { armLinger, lingerThenClose } from '../../../gateway/listeners/index.ts'
import { eventually, exchange, open, rawClient, secure, statusOf } from './support.ts'

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

t.test('a connection that says nothing is closed without a word', async t => {
  for (const listen of [undefined, [secure]]) {
    const { port, errors } = await open(t, { limits: { headerTimeoutMs: 300 }, ...(listen && { listen }) })
    const client = await rawClient(t, port, listen !== undefined)
    t.equal((await client.closed).text, '')
    t.same(errors, ['head-timeout'])
  }
})

t.test('a TLS handshake that never comes is ended too', async t => {
  const { port, listeners } = await open(t, { limits: { headerTimeoutMs: 300 }, listen: [secure] })
  const client = await rawClient(t, port)
  client.socket.write(Buffer.from([22, 3, 1]))
  t.equal((await client.closed).text, '')
  await eventually(() => listeners.connections === 0)
})

t.test('a head that trickles gets 408', async t => {
  const { port } = await open(t, { limits: { headerTimeoutMs: 300 } })
  const client = await rawClient(t, port)
  client.socket.write('GET / HTTP/1.1\r\nX: ')
  const trickle = setInterval(() => client.socket.write('a'), 50)
  const { text } = await client.closed
  clearInterval(trickle)
  t.equal(statusOf(text), 408)
  t.equal(text.split('HTTP/1.1 ').length, 2)
})

t.test('a second head that trickles gets 408 as well', async t => {
  const { port } = await open(t, { limits: { headerTimeoutMs: 300 } })
  const client = await rawClient(t, port)
  client.socket.write(get)
  await client.until(text => text.includes('GET /'))
  client.socket.write('GET / HTTP/1.1\r\nX: ')
  const { text } = await client.closed
  t.ok(text.includes('HTTP/1.1 408'))
})

t.test('an idle connection closes after the keep-alive time, and empty lines do not prolong it', async t => {
  const { port, listeners } = await open(t, { limits: { keepAliveMs: 200, headerTimeoutMs: 300 } })
  const quiet = await rawClient(t, port)
  const noisy = await rawClient(t, port)
  for (const { socket, until } of [quiet, noisy]) {
    socket.write(get)
    await until(text => text.includes('GET /'))
  }
  noisy.socket.write('\r\n')
  t.equal((await quiet.closed).text.split('HTTP/1.1 ').length, 2)
  t.equal((await noisy.closed).text.split('HTTP/1.1 200').length, 2)
  await eventually(() => listeners.connections === 0)
})

t.test('a slow origin and a quiet event stream are left alone', async t => {
  const { port } = await open(t, {
    limits: { writeIdleMs: 100, headerTimeoutMs: 100, keepAliveMs: 100 },
    handlers: {
      request(_req, res) {
        setTimeout(() => res.write('first'), 300)
        setTimeout(() => res.end('last'), 600)
      },
    },
  })
  const client = await rawClient(t, port)
  client.socket.write(get)
  t.match(await client.until(text => text.includes('last')), 'first')
})

t.test('a client that does not read is cut, even while it goes on sending', async t => {
  for (const isTls of [false, true]) {
    let ended = false
    const { port, errors, listeners } = await open(t, {
      limits: { writeIdleMs: 300 },
      ...(isTls && { listen: [secure] }),
      handlers: {
        request(req, res) {
          req.resume()
          res.on('close', () => {
            ended = true
          })
          res.end(Buffer.alloc(67_108_864))
        },
      },
    })
    const client = await rawClient(t, port, isTls)
    client.socket.pause()
    client.socket.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
    const trickle = setInterval(() => client.socket.write('1\r\na\r\n'), 50)
    await eventually(() => ended)
    clearInterval(trickle)
    t.same(errors, ['write-stalled'], isTls ? 'over TLS' : 'over TCP')
    await eventually(() => listeners.connections === 0)
  }
})

t.test('a client that reads one large answer slowly is not cut', async t => {
  const size = 33_554_432
  const { port } = await open(t, {
    limits: { writeIdleMs: 1_000 },
    handlers: { request: (_req, res) => void res.end(Buffer.alloc(size)) },
  })
  const client = await rawClient(t, port)
  let got = 0
  client.socket.on('data', chunk => {
    got += chunk.length
    client.socket.pause()
    setTimeout(() => client.socket.resume(), 4)
  })
  client.socket.write(get)
  const startedAt = performance.now()
  await eventually(() => got >= size || client.socket.destroyed)
  t.ok(got >= size)
  t.ok(performance.now() - startedAt > 1_000, 'longer than the limit')
})

t.test('a normal request passes between 500 half requests', async t => {
  const { port, listeners } = await open(t)
  const clients = await Promise.all(Array.from({ length: 500 }, () => rawClient(t, port)))
  for (const { socket } of clients) socket.write('GET / HTTP/1.1\r\nX: ')
  await eventually(() => listeners.connections === 500)
  t.equal(statusOf(await exchange(t, port, get)), 200)
  for (const { socket } of clients) socket.resetAndDestroy()
  await eventually(() => listeners.connections === 0)
})

t.test('when all places are taken the oldest without a complete request goes', async t => {
  const { port, errors, listeners } = await open(t, {
    limits: { connections: 3 },
    handlers: { request: (_req, res) => void res.write('busy') },
  })
  const busy = await rawClient(t, port)
  busy.socket.write(get)
  await busy.until(text => text.includes('busy'))
  const older = await rawClient(t, port)
  await eventually(() => listeners.connections === 2)
  const newer = await rawClient(t, port)
  await eventually(() => listeners.connections === 3)
  const last = await rawClient(t, port)
  await older.closed
  t.equal(newer.socket.destroyed, false)
  for (const { socket, until } of [newer, last]) {
    socket.write(get)
    await until(text => text.includes('busy'))
  }
  const refused = await rawClient(t, port)
  t.equal((await refused.closed).text, '')
  t.same(errors, ['connections'])
  t.equal(busy.socket.destroyed, false)
})

t.test('loopback does not count towards the connections of one address', async t => {
  const { port, errors } = await open(t, { limits: { connectionsPerAddress: 1 } })
  const clients = await Promise.all([rawClient(t, port), rawClient(t, port), rawClient(t, port)])
  for (const { socket, until } of clients) {
    socket.write(get)
    t.equal(statusOf(await until(text => text.includes('GET /'))), 200)
  }
  t.same(errors, [])
})

t.test('an early answer reaches a client that is still sending', async t => {
  const { port, listeners } = await open(t, {
    handlers: {
      request(req, res) {
        armLinger(req, res, { ms: 1_000, maxBytes: 4_194_304 })
        res.writeHead(413, { 'content-length': 5 }).end('large')
      },
    },
  })
  const client = await rawClient(t, port)
  client.socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n')
  client.socket.write(Buffer.alloc(1_999_999))
  const { text, reset } = await client.closed
  t.equal(statusOf(text), 413)
  t.match(text, /connection: close/i)
  t.equal(reset, false)
  await eventually(() => listeners.connections === 0)
})

t.test('the rest of a body is read for a bounded time and a bounded size', async t => {
  for (const options of [{ ms: 200 }, { ms: 60_000, maxBytes: 65_536 }]) {
    const { port, listeners, seen } = await open(t, {
      handlers: {
        request(req, res) {
          armLinger(req, res, options)
          res.writeHead(413, { 'content-length': 0 }).end()
        },
      },
    })
    const client = await rawClient(t, port, false, { allowHalfOpen: true })
    client.socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n')
    const pump = setInterval(() => client.socket.write(Buffer.alloc(16_384)), 10)
    await eventually(() => listeners.connections === 0)
    clearInterval(pump)
    t.equal(statusOf(client.text()), 413)
    t.equal(seen.length, 1)
  }
})

t.test('the rest of uploads is read to the end, but not of many at once', { timeout: 200_000 }, async t => {
  const { port, listeners } = await open(t, {
    handlers: {
      request(req, res) {
        armLinger(req, res)
        res.writeHead(413, { 'content-length': 0 }).end()
      },
    },
  })
  const announce = async () => {
    const client = await rawClient(t, port, false, { allowHalfOpen: true })
    client.socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n')
    await client.until(text => text.includes('413'))
    return client
  }
  const clients = await Promise.all(Array.from({ length: 32 }, announce))
  const oneTooMany = await announce()
  const patient = clients[0] as typeof oneTooMany
  for (const { socket } of [patient, oneTooMany]) socket.write(Buffer.alloc(7_999_999))
  await oneTooMany.closed
  t.equal(listeners.connections, 32, 'the one too many was cut')
  patient.socket.end('x')
  t.equal((await patient.closed).reset, false, 'all of the upload was read')
  for (const { socket } of clients) socket.destroy()
  await eventually(() => listeners.connections === 0)
  const next = await announce()
  next.socket.end(Buffer.alloc(8_000_000))
  t.equal((await next.closed).reset, false, 'places are free again')
})

t.test('a request hidden behind a refused body is not handled', async t => {
  const { port, seen, listeners } = await open(t, {
    handlers: {
      request(req, res) {
        armLinger(req, res)
        res.writeHead(413, { 'content-length': 0 }).end()
      },
    },
  })
  const client = await rawClient(t, port, false, { allowHalfOpen: true })
  client.socket.write('POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe')
  await client.until(text => text.includes('413'))
  client.socket.write(`llo${get}`)
  await eventually(() => listeners.connections === 0)
  t.same(
    seen.map(({ url }) => url),
    ['/1'],
  )
})

t.test('a bare socket can be closed in the lingering form', async t => {
  const { promise, resolve: listening } = Promise.withResolvers<Server>()
  const closed = new Promise<void>(resolve => {
    const server = createServer({ allowHalfOpen: true }, socket => {
      socket.on('close', () => resolve())
      socket.write('bye')
      lingerThenClose(socket, { ms: 200 })
    })
    server.listen(0, '127.0.0.1', () => listening(server))
  })
  const server = await promise
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const client = await rawClient(t, port, false, { allowHalfOpen: true })
  client.socket.write(Buffer.alloc(500_000))
  t.equal(await client.until(text => text.length === 3), 'bye')
  await closed
})
