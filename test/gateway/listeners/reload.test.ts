import { copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect as connectH2 } from 'node:http2'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import type { SocketConfig } from '../../../gateway/listeners/index.ts'
import { openListeners } from '../../../gateway/listeners/index.ts'
import { freePorts } from '../../support/free-ports.ts'
import { eventually, exchange, limits, type Opened, open, pem, plain, rawClient, secure, statusOf } from './support.ts'

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

/** The common name of the certificate that answers for `servername`. */
async function certificateFor(port: number, servername?: string, options = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connectTls(
      { port, host: '127.0.0.1', rejectUnauthorized: false, ...(servername && { servername }), ...options },
      () => {
        resolve(`${socket.getPeerCertificate().subject.CN} ${socket.getPeerCertificate().serialNumber}`)
        socket.destroy()
      },
    )
    socket.on('error', reject)
  })
}

/** Copies of the named pair in a directory of its own, to be changed by the test. */
function copies(t: Test, name: string) {
  const directory = mkdtempSync(join(tmpdir(), 'hearthgate-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const pair = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') }
  copyFileSync(pem(name).cert, pair.cert)
  copyFileSync(pem(name).key, pair.key)
  return pair
}

t.test('the certificate is chosen by the name that the client asks for', async t => {
  const listen: SocketConfig = { ...secure, tls: [pem('localhost'), pem('wildcard'), pem('photos')] }
  const { port } = await open(t, { listen: [listen] })
  t.match(await certificateFor(port, 'photos.home.arpa'), /^photos/)
  t.match(await certificateFor(port, 'wiki.home.arpa'), /^wildcard/)
  t.match(await certificateFor(port, 'elsewhere.test'), /^localhost/)
  t.match(await certificateFor(port), /^localhost/, 'without a name')
})

t.test('TLS 1.1 is refused', async t => {
  const { port, errors, listeners } = await open(t, { listen: [secure] })
  await t.rejects(
    certificateFor(port, undefined, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' }),
  )
  await eventually(() => errors.includes('tls') && listeners.connections === 0)
})

t.test('a changed file is used without a restart, a broken one is not', async t => {
  const pair = copies(t, 'photos')
  const { port, logs } = await open(t, { listen: [{ ...secure, tls: [pair] }] })
  const before = await certificateFor(port, 'photos.home.arpa')
  writeFileSync(pair.cert, 'no certificate')
  await eventually(() => logs.some(({ level }) => level === 'warn'))
  t.match(logs[0]!.fields, { cert: pair.cert, reason: /PEM|no start line/i })
  t.equal(await certificateFor(port, 'photos.home.arpa'), before, 'the old one stays')
  copyFileSync(pem('photos-renewed').key, pair.key)
  copyFileSync(pem('photos-renewed').cert, `${pair.cert}.new`)
  renameSync(`${pair.cert}.new`, pair.cert)
  await eventually(() => logs.some(({ level }) => level === 'info'))
  t.not(await certificateFor(port, 'photos.home.arpa'), before, 'by name')
  t.not(await certificateFor(port), before, 'as the default')
})

t.test('a certificate that cannot be used names its file and the reason', async t => {
  const handlers = { upgrade() {}, isUpgrade: () => false, isTrustedProxy: () => false, request() {} }
  const log = { info() {}, warn() {}, error() {} }
  const start = (cert: string, key: string) =>
    openListeners([plain, { ...secure, tls: [{ cert, key }] }], limits, { ...handlers, log })
  const { cert, key } = pem('localhost')
  const other = pem('photos').key
  await t.rejects(start('/nowhere/cert.pem', key), { code: 'HG_TLS', message: /\/nowhere\/cert.pem: ENOENT/ })
  await t.rejects(start(key, key), { code: 'HG_TLS', message: new RegExp(`^${key}: `) })
  await t.rejects(start(cert, cert), { code: 'HG_TLS', message: new RegExp(`^${cert}: `) })
  await t.rejects(start(cert, other), { code: 'HG_TLS', message: `${other}: is not the private key of ${cert}` })
})

t.test('an address in use is an error, and nothing is left open', async t => {
  const { port, listeners } = await open(t)
  await t.rejects(listeners.update([plain, { ...plain, port }], limits), {
    code: 'HG_LISTEN',
    message: /127.0.0.1:\d+: .*EADDRINUSE/,
  })
  t.equal(listeners.addresses.length, 1)
  t.equal(statusOf(await exchange(t, port, get)), 200, 'the old listener goes on')
})

/** Answers when told to. */
function held() {
  const waiting: ServerResponse[] = []
  return {
    waiting,
    request(_req: IncomingMessage, res: ServerResponse) {
      waiting.push(res)
    },
  }
}

t.test('a reload keeps what is unchanged, opens the new and lets the removed end', async t => {
  const { waiting, request } = held()
  const [first = 0, second = 0, third = 0] = await freePorts(3)
  const kept = { ...plain, port: first }
  const removed = { ...plain, port: second }
  const added = { ...secure, port: third }
  const { listeners } = await open(t, { listen: [kept, removed], handlers: { request } })
  const [staying, leaving, idle] = [
    await rawClient(t, kept.port),
    await rawClient(t, removed.port),
    await rawClient(t, removed.port),
  ]
  staying.socket.write(get)
  leaving.socket.write(get)
  await eventually(() => waiting.length === 2 && listeners.connections === 3)
  await listeners.update([kept, added], { ...limits, headerLines: 1 })
  t.equal((await idle.closed).text, '', 'an unused connection of the removed listener closes')
  for (const res of waiting.splice(0)) res.end('done')
  t.match((await leaving.closed).text, /connection: close/i)
  t.match(await staying.until(text => text.includes('done')), /connection: keep-alive/i)
  staying.socket.write('GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n')
  t.match(await staying.until(text => text.includes('431')), /431/, 'the new limit holds on old connections')
  t.same(
    listeners.addresses.map(({ tls }) => tls),
    [false, true],
  )
  t.match(await certificateFor(added.port), /^localhost/)
  const late = await rawClient(t, removed.port)
  t.equal((await late.closed).text, '', 'nobody listens any more')
})

t.test('a reload swaps certificates, or plain for TLS, on an open port', async t => {
  const { port, listeners } = await open(t)
  await listeners.update([{ ...plain, tls: [pem('photos')] }], limits)
  t.equal(listeners.addresses[0]!.url, `https://127.0.0.1:${port}`)
  t.match(await certificateFor(port), /^photos/)
  await listeners.update([{ ...plain, tls: [pem('localhost')] }], limits)
  t.match(await certificateFor(port), /^localhost/)
  await t.rejects(listeners.update([{ ...plain, tls: [{ cert: '/nowhere', key: '/nowhere' }] }], limits), {
    code: 'HG_TLS',
  })
  t.match(await certificateFor(port), /^localhost/)
  await listeners.update([plain], limits)
  t.equal(statusOf(await exchange(t, port, get)), 200)
})

t.test('closing waits for requests and sends idle connections away', async t => {
  const { waiting, request } = held()
  const { port, listeners } = await open(t, { handlers: { request } })
  const [busy, idle] = [await rawClient(t, port), await rawClient(t, port)]
  busy.socket.write(get)
  await eventually(() => waiting.length === 1 && listeners.connections === 2)
  const closed = listeners.close(10_000)
  t.equal((await idle.closed).text, '')
  waiting[0]!.end('done')
  t.match((await busy.closed).text, /connection: close[\s\S]*done/i)
  await closed
  t.equal(listeners.connections, 0)
})

t.test('closing also lets an answer end whose head is out already, and ends what takes too long', async t => {
  const { waiting, request } = held()
  const { port, listeners } = await open(t, { handlers: { request } })
  const [ends, hangs] = [await rawClient(t, port), await rawClient(t, port)]
  ends.socket.write(get)
  hangs.socket.write(get)
  await eventually(() => waiting.length === 2)
  for (const res of waiting) res.write('begun')
  await ends.until(text => text.includes('begun'))
  const closed = listeners.close(300)
  waiting.find(({ req }) => req.socket.remotePort === ends.socket.localPort)!.end('over')
  t.match((await ends.closed).text, 'over')
  t.notMatch((await hangs.closed).text, 'over')
  await closed
})

t.test('closing tells h2 clients to go and lets their streams end', async t => {
  const { waiting, request } = held()
  const { port, listeners } = await open(t, { listen: [secure], handlers: { request } })
  const session = connectH2(`https://localhost:${port}`, { rejectUnauthorized: false })
  session.on('error', () => {})
  t.teardown(() => session.destroy())
  let text = ''
  const stream = session.request({ ':path': '/' }).on('data', chunk => {
    text += chunk
  })
  await eventually(() => waiting.length === 1)
  const goaway = new Promise(resolve => session.once('goaway', resolve))
  const closed = listeners.close(10_000)
  await goaway
  waiting[0]!.end('done')
  await new Promise(resolve => stream.once('close', resolve))
  await closed
  t.equal(text, 'done')
})

const handshake = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'

/** Echoes what comes through the tunnel. */
function tunnels(t: Test): Promise<Opened> {
  return open(t, {
    limits: { keepAliveMs: 100, headerTimeoutMs: 100, headerLines: 10 },
    handlers: {
      isUpgrade: req => req.headers.upgrade === 'websocket',
      upgrade(_req, socket, head) {
        socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
        socket.write(head)
        socket.pipe(socket)
        socket.on('end', () => (socket as Socket).destroySoon())
      },
    },
  })
}

t.test('an upgrade gets its socket with the first bytes, and no limit of requests ends it', async t => {
  const { port, listeners } = await tunnels(t)
  const client = await rawClient(t, port)
  client.socket.write(`GET / HTTP/1.1\r\nHost: a\r\n${handshake}\r\nfirst`)
  await client.until(text => text.includes('first'))
  await new Promise(resolve => setTimeout(resolve, 400))
  client.socket.write('second')
  t.match(await client.until(text => text.includes('second')), /101[\s\S]*firstsecond/)
  client.socket.resetAndDestroy()
  await eventually(() => listeners.connections === 0)
})

t.test('an upgrade that is none goes the ordinary way, a faulty one is refused', async t => {
  const { port, seen, listeners } = await tunnels(t)
  const h2c = `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`
  t.equal(statusOf(await exchange(t, port, h2c)), 200)
  t.equal(seen.length, 1)
  for (const [lines, status] of [
    ['Host: a\r\nHost: b\r\n', 400],
    ['', 400],
    ['Host: a\r\nContent-Length: 41\r\n', 400],
    ['Host: a\r\nTransfer-Encoding: chunked\r\n', 400],
    [`Host: a\r\n${'X: y\r\n'.repeat(20)}`, 431],
  ] as const) {
    const client = await rawClient(t, port)
    client.socket.write(`GET / HTTP/1.1\r\n${lines}${handshake}\r\nGET /smug HTTP/1.1\r\nHost: a\r\n\r\n`)
    t.equal(statusOf((await client.closed).text), status)
  }
  t.equal(seen.length, 1)
  await eventually(() => listeners.connections === 0)
})

t.test('sockets that go away at any point leave nothing behind', async t => {
  const { port, listeners } = await open(t, { listen: [plain, secure], handlers: { request: () => {} } })
  const ports = [port, listeners.addresses[1]!.port]
  const stages = ['', get.slice(0, 10), get, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nhalf']
  for (const [i, port] of ports.entries()) {
    for (const stage of stages) {
      const clients = await Promise.all(Array.from({ length: 10 }, () => rawClient(t, port, i === 1)))
      for (const { socket } of clients) socket.write(stage)
      await eventually(() => listeners.connections === 10)
      for (const { socket } of clients) i === 0 ? socket.resetAndDestroy() : socket.destroy()
      await eventually(() => listeners.connections === 0)
      t.pass(`after ${stage.length} bytes on listener ${i}`)
    }
  }
})
