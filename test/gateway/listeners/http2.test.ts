import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type ClientHttp2Session,
  connect,
  constants,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import t, { type Test } from 'tap'
import { awaitsContinue } from '../../../gateway/listeners/index.ts'
import { endHeaders, endStream, fields, frame, goawayCode, type RawH2, rawH2, request, type } from './raw-h2.ts'
import { eventually, open, rawClient, secure, statusOf } from './support.ts'

function client(t: Test, port: number, settings = {}): ClientHttp2Session {
  const session = connect(`https://localhost:${port}`, { rejectUnauthorized: false, settings })
  session.on('error', () => {})
  t.teardown(() => session.destroy())
  return session
}

function ask(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: Buffer) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const stream = session.request(headers, { endStream: body === undefined })
    let status = 0
    let text = ''
    stream.on('response', head => {
      status = head[':status'] ?? 0
    })
    stream.on('data', chunk => {
      text += chunk
    })
    stream.on('error', reject)
    stream.on('close', () => resolve({ status, text }))
    if (body !== undefined) stream.end(body)
  })
}

const openH2 = (t: Test, options = {}) => open(t, { listen: [secure], ...options })

async function worksFor(t: Test, port: number): Promise<void> {
  const startedAt = performance.now()
  const session = client(t, port)
  t.equal((await ask(session, { ':path': '/normal' })).status, 200, 'a normal request is answered')
  session.destroy()
  t.ok(performance.now() - startedAt < 2_000, 'within 2 s')
}

t.test('one TLS port speaks h2 and HTTP/1.1, with the same limits', async t => {
  const { port, seen } = await openH2(t)
  t.same(await ask(client(t, port), { ':path': '/two' }), { status: 200, text: 'GET /two' })
  const one = await rawClient(t, port, true)
  one.socket.write('GET /one HTTP/1.1\r\nHost: a\r\n\r\n')
  t.match(await one.until(text => text.includes('GET /one')), /^HTTP\/1.1 200[\s\S]*keep-alive: timeout=65/i)
  const bad = await rawClient(t, port, true)
  bad.socket.write('GET / HTTP/1.1\r\n\r\n')
  t.equal(statusOf((await bad.closed).text), 400)
  t.equal(seen.length, 2)
})

t.test('the settings that a client is told', async t => {
  const { port } = await openH2(t)
  const session = client(t, port)
  const settings = await new Promise<ReturnType<typeof Object>>(resolve => void session.once('remoteSettings', resolve))
  t.match(settings, { maxConcurrentStreams: 100, initialWindowSize: 262_144, maxHeaderListSize: 32_768 })
  await ask(session, { ':path': '/' })
  t.equal(session.state.remoteWindowSize, 1_048_576, 'the connection window')
})

t.test('uploads, expectations and large answers work', async t => {
  const { port } = await openH2(t, {
    handlers: {
      request(req: Parameters<typeof awaitsContinue>[0], res: ServerResponse) {
        if (awaitsContinue(req)) res.writeContinue()
        let size = 0
        req.on('data', chunk => {
          size += chunk.length
        })
        req.on('end', () => res.end(`${size}`.padEnd(1_000_000)))
      },
    },
  })
  const session = client(t, port)
  const upload = await ask(session, { ':path': '/', ':method': 'POST' }, Buffer.alloc(3_000_000))
  t.equal(upload.text.trim(), '3000000')
  const expectsNothing = await ask(session, { ':path': '/', ':method': 'POST', expect: '' }, Buffer.alloc(5))
  t.equal(expectsNothing.text.trim(), '5')
  // The second spelling is that of clients with the AWS SDK for Go.
  for (const expect of ['100-continue', '100-Continue']) {
    const stream = session.request({ ':path': '/', ':method': 'POST', expect }, { endStream: false })
    await new Promise<void>((resolve, reject) => {
      stream.once('continue', resolve).once('response', () => reject(new Error(`${expect} was refused`)))
    })
    stream.resume().end('hello')
    await new Promise(resolve => stream.once('close', resolve))
  }
})

const malformed: [name: string, head: Buffer][] = [
  ['transfer-encoding', request('/', [['transfer-encoding', 'chunked']], 'POST')],
  ['connection', request('/', [['connection', 'close']])],
  ['a space in the path', request('/k HTTP/1.1\r\nX-Evil: 1\r\nX: ')],
  ['a bare space in the path', request('/k x')],
  ['a path without slash', request('k')],
  ['a fragment', request('/a#b')],
  ['bytes beyond ASCII in the path', request('/\xc3\xbc')],
  ['a method with a space', request('/', [], 'GET /smug HTTP/1.1\r\nX: ')],
  ['an upper-case name', request('/', [['X-A', 'b']])],
  ['two authorities', request('/', [['host', 'evil.test']])],
  ['a second path', request('/', [[':path', '/b']])],
  [
    'a pseudo-header field after others',
    fields([
      [':method', 'GET'],
      [':scheme', 'https'],
      [':path', '/'],
      ['a', 'b'],
      [':authority', 'a'],
    ]),
  ],
  [
    'no authority',
    fields([
      [':method', 'GET'],
      [':scheme', 'https'],
      [':path', '/'],
    ]),
  ],
  [
    'an authority with a slash',
    fields([
      [':method', 'GET'],
      [':scheme', 'https'],
      [':path', '/'],
      [':authority', 'a/b'],
    ]),
  ],
  [
    'CONNECT',
    fields([
      [':method', 'CONNECT'],
      [':authority', '127.0.0.1:1'],
    ]),
  ],
  ['an expectation', request('/', [['expect', 'y 100-continue']])],
]

t.test('malformed heads reach no handler', async t => {
  const { port, seen } = await openH2(t)
  for (const [name, head] of malformed) {
    const raw = await rawH2(t, port)
    raw.socket.write(frame(type.headers, endHeaders | endStream, 1, head))
    const frames = await raw.until(all => all.some(({ kind, stream }) => kind === type.goaway || stream === 1))
    const answer = frames.find(({ kind, stream }) => kind === type.headers && stream === 1)
    t.notOk(answer?.payload.includes(0x88), `${name}: no 200`)
    t.ok(answer ?? frames.find(({ kind }) => kind === type.rst || kind === type.goaway), `${name}: refused`)
    raw.socket.destroy()
  }
  t.same(seen, [])
  await worksFor(t, port)
})

t.test('a field with a forbidden byte is gone before any handler', async t => {
  const { port, seen } = await openH2(t)
  const bad = [
    ['x-a', 'b\r\nTransfer-Encoding: chunked'],
    ['x-a', 'b\0c'],
    ['x a', 'b'],
  ] as const
  for (const field of bad) {
    const raw = await rawH2(t, port)
    raw.socket.write(frame(type.headers, endHeaders | endStream, 1, request('/', [field])))
    await raw.until(all => all.some(({ kind, stream }) => kind === type.goaway || stream === 1))
    raw.socket.destroy()
  }
  for (const { raw } of seen)
    t.same(
      raw.filter((_, i) => i % 2 === 0 && !raw[i]!.startsWith(':')),
      [],
    )
})

t.test('names with an underscore are dropped, and too many lines get 431', async t => {
  const { port, seen } = await openH2(t, { limits: { headerLines: 20 } })
  const session = client(t, port)
  await ask(session, { ':path': '/', x_forwarded_for: '6.6.6.6', 'x-a': '1' })
  t.equal('x_forwarded_for' in seen[0]!.headers, false)
  t.equal(seen[0]!.raw.includes('x_forwarded_for'), false)
  const many = Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`x-${i}`, '1']))
  t.equal((await ask(session, { ':path': '/', ...many })).status, 431)
})

t.test(
  'a session without a request is closed after the head timeout, an idle one after the keep-alive time',
  async t => {
    const { port, listeners } = await openH2(t, { limits: { headerTimeoutMs: 300, keepAliveMs: 300 } })
    const silent = await rawH2(t, port)
    await silent.closed
    t.equal(goawayCode(silent.frames), constants.NGHTTP2_NO_ERROR)
    const used = await rawH2(t, port)
    used.socket.write(frame(type.headers, endHeaders | endStream, 1, request()))
    await used.until(frames => frames.some(({ stream }) => stream === 1))
    const pings = setInterval(() => used.socket.write(frame(type.ping, 0, 0, Buffer.alloc(8))), 200)
    await used.closed
    clearInterval(pings)
    t.equal(goawayCode(used.frames), constants.NGHTTP2_NO_ERROR)
    await eventually(() => listeners.connections === 0)
  },
)

t.test('a stream whose client opens no window is reset, the others go on', async t => {
  let cut = 0
  const { port, errors } = await openH2(t, {
    limits: { writeIdleMs: 300 },
    handlers: {
      request(_req: unknown, res: ServerResponse) {
        res.on('close', () => cut++)
        res.end(Buffer.alloc(200_000))
      },
    },
  })
  const raw = await rawH2(t, port)
  raw.socket.write(frame(type.headers, endHeaders | endStream, 1, request()))
  const reset = (frames: { kind: number; stream: number }[]) => frames.some(f => f.kind === type.rst && f.stream === 1)
  t.ok(reset(await raw.until(reset)))
  await eventually(() => cut === 1)
  t.same(errors, ['write-stalled'])
  t.equal(raw.socket.destroyed, false)
})

t.test('a rapid reset ends the connection', async t => {
  const { port, errors, seen, listeners } = await openH2(t, { handlers: { request: () => {} } })
  const raw = await rawH2(t, port)
  for (let i = 0; i < 1_000; i++) {
    const stream = 2 * i + 1
    raw.socket.write(frame(type.headers, endHeaders | endStream, stream, request()))
    raw.socket.write(frame(type.rst, 0, stream, Buffer.from([0, 0, 0, 8])))
  }
  await raw.closed
  t.ok(seen.length <= 300, `${seen.length} requests`)
  t.ok(errors.includes('flood') || errors.includes('reset') || goawayCode(raw.frames) !== null)
  await eventually(() => listeners.connections === 0)
})

t.test('a client that makes us reset is treated as one that resets', async t => {
  let open = 0
  const { port, seen, listeners } = await openH2(t, {
    handlers: {
      request(req: { url: string }, res: ServerResponse) {
        if (req.url === '/normal') return void res.end()
        open++
        res.on('close', () => open--)
      },
    },
  })
  const raw = await rawH2(t, port)
  for (let i = 0; i < 2_000; i++) {
    const stream = 2 * i + 1
    raw.socket.write(frame(type.headers, endHeaders | endStream, stream, request()))
    raw.socket.write(frame(type.windowUpdate, 0, stream, Buffer.alloc(4)))
  }
  await raw.closed
  t.ok(seen.length <= 512, `${seen.length} requests`)
  await eventually(() => open === 0)
  await eventually(() => listeners.connections === 0)
  await worksFor(t, port)
})

/** Writes `bytes` `times` times as fast as the server takes them, without reading; resolves when that ends. */
async function flood(raw: RawH2, bytes: Buffer, times: number): Promise<number> {
  raw.socket.pause()
  let sent = 0
  for (let i = 0; i < times && !raw.socket.destroyed; i++) {
    sent += bytes.length
    if (raw.socket.write(bytes)) continue
    await Promise.race([new Promise(resolve => raw.socket.once('drain', resolve)), raw.closed])
  }
  return sent
}

const floods: [name: string, bytes: Buffer][] = [
  ['PING', frame(type.ping, 0, 0, Buffer.alloc(8))],
  ['SETTINGS', frame(type.settings, 0, 0)],
  ['empty DATA', frame(type.data, 0, 1)],
  ['CONTINUATION', frame(type.continuation, 0, 3, Buffer.alloc(4_096, fields([['a', 'b']])))],
]

t.test('floods of frames end their connection and no other', async t => {
  const { port, listeners } = await openH2(t, {
    handlers: { request: (req: { url: string }, res: ServerResponse) => void (req.url === '/normal' && res.end()) },
  })
  for (const [name, bytes] of floods) {
    const raw = await rawH2(t, port)
    raw.socket.write(frame(type.headers, endHeaders, 1, request('/', [], 'POST')))
    if (name === 'CONTINUATION') raw.socket.write(frame(type.headers, 0, 3, request()))
    const before = process.memoryUsage().rss
    const burst = name === 'CONTINUATION' ? 1 : 100
    await flood(raw, Buffer.concat(Array<Buffer>(burst).fill(bytes)), 500)
    raw.socket.resume()
    await raw.closed
    t.ok(process.memoryUsage().rss - before < 67_108_864, `${name}: memory stays bounded`)
    await eventually(() => listeners.connections === 0)
    await worksFor(t, port)
  }
})

t.test('a head in many CONTINUATION frames is cut off before 2 MiB were taken', async t => {
  const { port } = await openH2(t)
  const raw = await rawH2(t, port)
  raw.socket.write(frame(type.headers, 0, 1, request()))
  const sent = await flood(raw, frame(type.continuation, 0, 1, Buffer.alloc(4_096, fields([['a', 'b']]))), 2_000)
  raw.socket.resume()
  await raw.closed
  t.ok(sent < 8_000_000)
})

t.test('windows that overflow end their connections', async t => {
  const { port, listeners } = await openH2(t)
  for (let i = 0; i < 30; i++) {
    const raw = await rawH2(t, port)
    raw.socket.write(frame(type.windowUpdate, 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff])))
    raw.socket.write(frame(type.windowUpdate, 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff])))
    await raw.closed
  }
  await eventually(() => listeners.connections === 0)
  await worksFor(t, port)
})

t.test('dropped connections with open streams leave nothing behind', async t => {
  let running = 0
  const { port, listeners } = await openH2(t, {
    handlers: {
      request(_req: unknown, res: ServerResponse) {
        running++
        res.on('close', () => running--)
      },
    },
  })
  const raws = await Promise.all(Array.from({ length: 20 }, () => rawH2(t, port)))
  for (const raw of raws) {
    for (let i = 0; i < 10; i++) raw.socket.write(frame(type.headers, endHeaders | endStream, 2 * i + 1, request()))
  }
  await eventually(() => running === 200)
  for (const raw of raws) raw.socket.destroy()
  await eventually(() => running === 0 && listeners.connections === 0)
})

t.test('the refusal of a request leaves its connection in use', async t => {
  const { port } = await openH2(t)
  const session = client(t, port)
  t.equal((await ask(session, { ':path': '/', ':authority': 'app.test', host: 'evil.test' })).status, 400)
  t.equal((await ask(session, { ':path': '/', ':method': 'POST', expect: 'x' }, Buffer.alloc(400_000))).status, 417)
  t.equal((await ask(session, { ':path': '/' })).status, 200)
})

t.test('nothing hangs on a closed stream, which Node may keep for long', async t => {
  const streams: ServerHttp2Stream[] = []
  const handlers = {
    request(req: IncomingMessage, res: ServerResponse) {
      const { stream } = req as unknown as { stream: ServerHttp2Stream }
      stream.once('aborted', () => {})
      streams.push(stream)
      res.end('ok')
    },
  }
  const { port } = await openH2(t, { handlers })
  t.equal((await ask(client(t, port), { ':path': '/' })).text, 'ok')
  await eventually(() => streams[0]?.closed === true && streams[0].listenerCount('aborted') === 0)
  t.same(streams[0]?.eventNames(), ['error'])
})

t.test('who asks a TLS port in plain HTTP is told so, and nobody else is let in by it', async t => {
  const { port, seen } = await openH2(t)
  for (const bytes of ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'POST /x HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc']) {
    const plain = await rawClient(t, port, false)
    plain.socket.write(bytes)
    const { text } = await plain.closed
    t.equal(statusOf(text), 400)
    t.match(text, /https:\/\//)
  }
  const noise = await rawClient(t, port, false)
  noise.socket.write(Buffer.from([0x80, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]))
  t.notMatch((await noise.closed).text, /HTTP/, 'only to what is a request')
  t.equal(seen.length, 0)
  await worksFor(t, port)
})
