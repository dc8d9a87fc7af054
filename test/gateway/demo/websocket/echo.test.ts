import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import t from 'tap'
import { WebSocket } from 'ws'
import { EchoServer, MAX_SOCKETS, type UpgradedSocket } from '../../../../gateway/demo/websocket/echo.ts'
import { MAX_PAYLOAD } from '../../../../gateway/demo/websocket/frames.ts'
import { startTestDemo } from '../support.ts'

async function open(url: string, protocols: string[] = []): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, protocols)
  await once(socket, 'open')
  return socket
}

async function echoOf(socket: WebSocket, message: string | Buffer): Promise<[Buffer, boolean]> {
  socket.send(message)
  return (await once(socket, 'message')) as [Buffer, boolean]
}

t.test('text and binary messages of every size come back as they went', async t => {
  const demo = await startTestDemo(t)
  const socket = await open(demo.url)
  for (const length of [0, 1, 125, 126, 65_535, 65_536, MAX_PAYLOAD]) {
    const bytes = Buffer.alloc(length, 'hearthgate ü')
    const [echo, isBinary] = await echoOf(socket, bytes)
    t.ok(isBinary && echo.equals(bytes), `${length} bytes`)
  }
  const [echo, isBinary] = await echoOf(socket, 'grüße, 炉')
  t.strictSame([echo.toString(), isBinary], ['grüße, 炉', false])
  socket.terminate()
})

t.test('a message in parts comes back whole, with a ping answered in between', async t => {
  const demo = await startTestDemo(t)
  const socket = await open(demo.url)
  socket.send('one ', { fin: false })
  socket.ping('alive?')
  socket.send('two', { fin: true })
  const [[pong], [message]] = await Promise.all([once(socket, 'pong'), once(socket, 'message')])
  t.equal(String(pong), 'alive?')
  t.equal(String(message), 'one two')
  socket.terminate()
})

t.test('a close is answered with the same code', async t => {
  const demo = await startTestDemo(t)
  for (const code of [1000, 3333]) {
    const socket = await open(demo.url)
    socket.close(code, 'bye')
    t.equal((await once(socket, 'close'))[0], code)
  }
  const socket = await open(demo.url)
  socket.close()
  t.equal((await once(socket, 'close'))[0], 1005)
})

t.test('a message beyond the bound is refused with 1009', async t => {
  const demo = await startTestDemo(t)
  const socket = await open(demo.url)
  socket.on('error', () => {})
  socket.send(Buffer.alloc(MAX_PAYLOAD + 1))
  t.equal((await once(socket, 'close'))[0], 1009)
})

t.test('many messages at once keep their order, also when the client reads late', async t => {
  const demo = await startTestDemo(t)
  const socket = await open(demo.url)
  socket.pause()
  const sent = Array.from({ length: 200 }, (_, i) => `${i} ${'x'.repeat(20_000)}`)
  for (const message of sent) socket.send(message)
  const got: string[] = []
  const all = new Promise<void>(resolve => {
    socket.on('message', message => {
      if (got.push(String(message)) === sent.length) resolve()
    })
  })
  socket.resume()
  await all
  t.strictSame(
    got.map(message => message.length),
    sent.map(message => message.length),
  )
  t.ok(got.every((message, i) => message === sent[i]))
  socket.terminate()
})

t.test('the subprotocol "echo" is chosen where it is offered, no other', async t => {
  const demo = await startTestDemo(t)
  const socket = await open(demo.url, ['chat', 'echo'])
  t.equal(socket.protocol, 'echo')
  socket.terminate()
})

t.test('a handshake that is not valid gets a plain answer', async t => {
  const demo = await startTestDemo(t)
  const valid = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  }
  const cases: [string, string, Record<string, string>, number][] = [
    ['GET', '/ws', valid, 101],
    ['GET', '/ws?a=1', valid, 101],
    ['GET', '/elsewhere', valid, 404],
    ['POST', '/ws', valid, 405],
    ['GET', '/ws', { ...valid, 'sec-websocket-version': '8' }, 426],
    ['GET', '/ws', { ...valid, 'sec-websocket-key': 'short' }, 400],
    ['GET', '/ws', { ...valid, upgrade: 'h2c' }, 426],
  ]
  for (const [method, path, headers, expected] of cases) {
    const req = request(`${demo.url}${path}`, { method, headers, agent: false })
    req.on('error', () => {})
    req.end()
    const [res, socket] = await Promise.race([once(req, 'response'), once(req, 'upgrade')])
    t.equal(res.statusCode, expected, `${method} ${path} ${JSON.stringify(headers)}`)
    t.equal(res.headers.server, 'hearthgate-demo')
    if (expected === 101) t.equal(res.headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
    if (expected === 426) t.match(res.headers.upgrade, 'websocket')
    socket?.destroy()
    req.destroy()
  }
})

t.test('the first frame may come in the same packet as the handshake', async t => {
  const demo = await startTestDemo(t)
  const socket = connect(Number(new URL(demo.url).port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  const head = `GET /ws HTTP/1.1\r\nHost: demo\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`
  socket.write(Buffer.concat([Buffer.from(head), Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69])]))
  let bytes = Buffer.alloc(0)
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk])
    if (bytes.toString('latin1').endsWith('\x81\x02hi')) break
  }
  t.ok(bytes.toString('latin1').endsWith('\r\n\r\n\x81\x02hi'))
})

t.test('closing the demo says 1001 to every WebSocket', async t => {
  const demo = await startTestDemo(t)
  const sockets = await Promise.all([open(demo.url), open(demo.url)])
  const closes = sockets.map(socket => once(socket, 'close'))
  await demo.close()
  for (const close of closes) t.equal((await close)[0], 1001)
})

/** The echo alone, with its own patience. */
async function serveEcho(t: { teardown(fn: () => void): void }, idleMs: number): Promise<string> {
  const echo = new EchoServer(idleMs)
  const server = createServer()
  server.on('upgrade', (req, socket, first) => echo.upgrade(req, socket as UpgradedSocket, first))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    echo.close()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('a silent client is asked for a sign of life, and cut when there is none', async t => {
  const url = await serveEcho(t, 60)
  const alive = await open(url)
  await once(alive, 'ping')
  await once(alive, 'ping')
  t.equal(alive.readyState, WebSocket.OPEN)
  const mute = new WebSocket(`${url.replace('http', 'ws')}/ws`, { autoPong: false })
  await once(mute, 'ping')
  t.equal((await once(mute, 'close'))[0], 1006)
  alive.terminate()
})

t.test('the number of WebSockets is bounded', async t => {
  const url = await serveEcho(t, 60_000)
  const sockets = await Promise.all(Array.from({ length: MAX_SOCKETS }, () => open(url)))
  const refused = new WebSocket(`${url.replace('http', 'ws')}/ws`)
  const [error] = await once(refused, 'error')
  t.match(String(error), '503')
  for (const socket of sockets) socket.terminate()
})
