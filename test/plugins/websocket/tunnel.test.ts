import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import t from 'tap'
import { WebSocket } from 'ws'
import {
  connectRaw,
  listenRaw,
  listenWs,
  readAll,
  readHead,
  readUntil,
  SWITCH,
  startGateway,
  startRecordingGateway,
  until,
  upgradeRequest,
} from './rig.ts'

/** An origin that switches at once and hands the socket over. */
const switching = (then: (socket: Socket) => void) => (socket: Socket) => {
  void readHead(socket).then(() => {
    socket.write(SWITCH)
    then(socket)
  })
}

t.test(
  'C4: Origin, Authorization, Cookie, Host and all subprotocols arrive; extension and choice come back',
  async t => {
    const seen: Record<string, unknown>[] = []
    const origin = await listenWs(
      t,
      (ws, request) => {
        seen.push(request.headers)
        ws.on('message', (message, isBinary) => ws.send(message, { binary: isBinary }))
      },
      { perMessageDeflate: { threshold: 0 }, handleProtocols: protocols => [...protocols][1] ?? false },
    )
    const { port } = await startGateway(t, origin)
    const ws = new WebSocket(`ws://127.0.0.1:${port}/api/websocket?x=%2F`, ['alpha', 'beta', 'gamma'], {
      origin: 'https://wiki.test',
      headers: { Authorization: 'Bearer t', Cookie: 'a=1; b=2', Host: 'wiki.test' },
    })
    await once(ws, 'open')
    t.match(seen[0], { host: 'wiki.test', origin: 'https://wiki.test', authorization: 'Bearer t', cookie: 'a=1; b=2' })
    t.equal(seen[0]!['sec-websocket-protocol'], 'alpha,beta,gamma')
    t.equal(seen[0]!['x-forwarded-for'], '127.0.0.1')
    t.equal(ws.protocol, 'beta')
    t.match(ws.extensions, 'permessage-deflate')
    ws.send('x'.repeat(100_000))
    const [echo] = await once(ws, 'message')
    t.equal(echo.length, 100_000)
    ws.close(4001, 'bye')
    const [code] = await once(ws, 'close')
    t.equal(code, 4001)
  },
)

t.test('C2: an upgrade works on any path without a toggle', async t => {
  const origin = await listenRaw(t, socket => {
    void readHead(socket).then(head => socket.end(`${SWITCH}${head.split(' ')[1]}`))
  })
  const { port } = await startGateway(t, origin)
  for (const path of ['/', '/api/websocket', '/socket.io/?EIO=4&transport=websocket', '/a%2Fb//c|d']) {
    const socket = await connectRaw(t, port)
    socket.write(upgradeRequest(path))
    t.equal((await readAll(socket)).split('\r\n\r\n')[1], path)
  }
})

t.test('first-frame-with-101: bytes in the packet of the 101 reach the client', async t => {
  const origin = await listenRaw(t, socket => void readHead(socket).then(() => socket.write(`${SWITCH}first`)))
  const { port } = await startGateway(t, origin)
  const client = await connectRaw(t, port)
  client.write(upgradeRequest())
  const text = await readUntil(client, text => text.includes('first'))
  t.match(text, /^HTTP\/1.1 101 Switching Protocols\r\n/)
  t.match(text, /\r\n\r\nfirst$/)
})

t.test('a 101 that arrives byte by byte, after interim answers, is the same 101', async t => {
  const bytes = `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${SWITCH}first`
  const origin = await listenRaw(t, socket => {
    void readHead(socket).then(async () => {
      socket.setNoDelay(true)
      for (const byte of bytes) {
        socket.write(byte)
        await new Promise(resolve => setImmediate(resolve))
      }
    })
  })
  const { port } = await startGateway(t, origin)
  const client = await connectRaw(t, port)
  client.write(upgradeRequest())
  const text = await readUntil(client, text => text.includes('first'))
  t.match(text, /^HTTP\/1.1 101 /)
  t.notMatch(text, '103')
})

t.test('bytes that the client sends before the 101 are held, and come first afterwards', async t => {
  let answer: () => void = () => {}
  let received = ''
  const origin = await listenRaw(t, socket => {
    socket.on('data', chunk => {
      received += chunk.toString('latin1')
    })
    answer = () => void socket.write(SWITCH)
  })
  const { port } = await startGateway(t, origin)
  const client = await connectRaw(t, port)
  client.write(`${upgradeRequest()}early-`)
  await until(() => received.endsWith('\r\n\r\n'))
  client.write('later-')
  await new Promise(resolve => setTimeout(resolve, 50))
  t.ok(received.endsWith('\r\n\r\n'), 'nothing behind the head yet')
  answer()
  await until(() => received.endsWith('\r\n\r\nearly-later-'))
})

t.test('client-close: the origin sees the end within a second, and the other way round', async t => {
  const sockets: Socket[] = []
  const origin = await listenRaw(
    t,
    switching(socket => {
      sockets.push(socket)
      socket.resume()
    }),
  )
  const { port, borrowed } = await startGateway(t, origin)
  const client = await connectRaw(t, port)
  client.write(upgradeRequest())
  await readHead(client)
  client.end('last')
  t.equal(await readAll(sockets[0]!), 'last')
  sockets[0]!.end('reply')
  t.equal(await readAll(client), 'reply', 'the other direction still works after a half close')
  await until(() => borrowed() === 0, 1000)
})

t.test('client-reset and origin-reset: the other side sees it within a second', async t => {
  const sockets: Socket[] = []
  const origin = await listenRaw(
    t,
    switching(socket => void sockets.push(socket.resume())),
  )
  const { port, summaries } = await startRecordingGateway(t, origin)
  const first = await connectRaw(t, port)
  first.write(upgradeRequest())
  await readHead(first)
  const closed = once(sockets[0]!, 'end', { signal: AbortSignal.timeout(1000) })
  first.resetAndDestroy()
  await closed
  await until(() => summaries.length === 1)
  const second = await connectRaw(t, port)
  second.write(upgradeRequest())
  await readHead(second)
  const ended = once(second.resume(), 'end', { signal: AbortSignal.timeout(1000) })
  sockets[1]!.resetAndDestroy()
  await ended
  await until(() => summaries.length === 2)
  t.strictSame(
    summaries.map(({ reason }) => reason),
    ['client_reset', 'origin_reset'],
  )
})

t.test('large-message: 16 MiB through the echo keep their digest', async t => {
  const origin = await listenWs(t, ws => ws.on('message', message => ws.send(message)), { maxPayload: 2 ** 25 })
  const { port } = await startGateway(t, origin)
  const ws = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false, maxPayload: 2 ** 25 })
  await once(ws, 'open')
  const message = Buffer.alloc(16 * 1024 ** 2)
  for (let i = 0; i < message.length; i += 4) message.writeUInt32LE((i * 2654435761) >>> 0, i)
  ws.send(message)
  const [echo] = await once(ws, 'message')
  const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
  t.equal(digest(echo as Buffer), digest(message))
  ws.terminate()
})

/** Writes until the socket has taken nothing for a while; how many bytes it took. */
async function pour(socket: Socket, limit: number): Promise<number> {
  const chunk = Buffer.alloc(256 * 1024)
  let poured = 0
  while (poured < limit) {
    poured += chunk.length
    if (socket.write(chunk)) continue
    const isDrained = await Promise.race([
      once(socket, 'drain').then(() => true),
      new Promise<false>(resolve => setTimeout(resolve, 700, false).unref()),
    ])
    if (!isDrained) break
  }
  return poured
}

for (const direction of ['down', 'up'] as const) {
  t.test(`backpressure-${direction}: a reader that does not read stops the sender`, async t => {
    let originSide: Socket | undefined
    const origin = await listenRaw(
      t,
      switching(socket => {
        originSide = socket.pause()
      }),
    )
    const { port, app } = await startGateway(t, origin)
    const client = await connectRaw(t, port)
    client.write(upgradeRequest())
    await readHead(client)
    const before = process.memoryUsage().rss
    const poured = await pour(direction === 'down' ? originSide! : client, 256 * 1024 ** 2)
    t.ok(poured < 48 * 1024 ** 2, `${poured} bytes handed over`)
    t.ok(process.memoryUsage().rss - before < 64 * 1024 ** 2)
    const [tunnel] = app.websocket.tunnels
    const moved = direction === 'down' ? tunnel!.bytesDown : tunnel!.bytesUp
    t.ok(moved <= poured)
    const reader = direction === 'down' ? client : originSide!
    const writer = direction === 'down' ? originSide! : client
    let read = 0
    reader.on('data', chunk => {
      read += chunk.length
    })
    reader.resume()
    writer.end()
    await once(reader, 'end')
    t.equal(read, poured, 'and every byte arrives once it reads again')
  })
}

t.test('half-close-order: a slow client that still sends gets every byte before the end', async t => {
  const size = 2 * 1024 ** 2
  const origin = await listenRaw(
    t,
    switching(socket => {
      socket.resume()
      socket.end(Buffer.alloc(size, 'x'))
    }),
  )
  const { port, borrowed } = await startGateway(t, origin)
  const client = await connectRaw(t, port)
  client.write(upgradeRequest())
  const first = await readHead(client)
  let read = first.length - first.indexOf('\r\n\r\n') - 4
  client.on('data', chunk => {
    read += chunk.length
    client.pause()
    client.write('ping')
    setTimeout(() => client.resume(), 2)
  })
  client.resume()
  await once(client, 'end')
  t.equal(read, size)
  client.end()
  await until(() => borrowed() === 0)
})

t.test('an origin that is wholly gone after its end does not cost the client a byte', async t => {
  // Less than the first receive window of a TCP connection on Linux (64 KiB): all of it is on the gateway's side when
  // the origin closes. What still waits in the origin's own kernel is lost with the reset, whoever reads it.
  const size = 48 * 1024
  const origin = await listenRaw(
    t,
    switching(socket => void socket.end(Buffer.alloc(size, 'x')).on('finish', () => socket.destroy())),
  )
  const { port, summaries } = await startRecordingGateway(t, origin)
  const client = await connectRaw(t, port)
  client.write(upgradeRequest())
  const head = await readHead(client)
  // Listening from the start: the connection may be over before the last of these is written.
  const reading = readAll(client)
  for (let i = 0; i < 5; i++) {
    client.write('ping')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  const rest = await reading
  t.equal(head.length + rest.length - head.indexOf('\r\n\r\n') - 4, size)
  client.end()
  await until(() => summaries.length === 1)
})

t.test('200-tunnels: all echo, are counted, and are released within 3 s', async t => {
  const origin = await listenWs(t, ws => ws.on('message', message => ws.send(message)))
  const { app, port, borrowed } = await startGateway(t, origin)
  const clients = Array.from({ length: 200 }, () => new WebSocket(`ws://127.0.0.1:${port}/`))
  await Promise.all(
    clients.map(async (ws, i) => {
      await once(ws, 'open')
      ws.send(`frame ${i}`)
      const [echo] = await once(ws, 'message')
      if (String(echo) !== `frame ${i}`) throw new Error(`wrong echo ${echo}`)
    }),
  )
  t.equal(app.websocket.count, 200)
  t.equal(borrowed(), 200)
  for (const [i, ws] of clients.entries()) i % 2 === 0 ? ws.close() : ws.terminate()
  await until(() => app.websocket.count === 0 && borrowed() === 0, 3000)
})

t.test('an upgrade that is pipelined behind a running request is refused by closing', async t => {
  let connections = 0
  const origin = await listenRaw(t, () => void connections++)
  const { port } = await startGateway(t, origin)
  const client = await connectRaw(t, port)
  client.write(`GET /never HTTP/1.1\r\nHost: a\r\n\r\n${upgradeRequest()}`)
  t.equal(await readAll(client), '')
  t.equal(connections, 0)
})
