/** HTTP/2 to origins, by ALPN and h2c: how many requests share a connection, and how they end. */
import http2, { type Http2Server } from 'node:http2'
import type tls from 'node:tls'
import t from 'tap'
import { begin, certificate, listen, originOf, send, startApp, type Teardown, until } from './support.ts'

const localhost = certificate('localhost')

/** HTTP/2 with or without TLS: echoes what it was sent; `/later` waits for `release`. */
async function startH2(t: Teardown, isSecure: boolean) {
  const seen = { connections: 0, sessions: 0, inFlight: 0, most: 0 }
  const later: (() => void)[] = []
  const server = isSecure ? http2.createSecureServer({ ...localhost, allowHTTP1: true }) : http2.createServer()
  server.on('session', session => {
    seen.sessions++
    session.on('error', () => {})
  })
  server.on('stream', (stream, headers) => {
    seen.most = Math.max(seen.most, ++seen.inFlight)
    stream.on('error', () => {}).on('close', () => seen.inFlight--)
    if (headers[':path'] === '/never') return
    const respond = () => {
      stream.respond({
        ':status': 200,
        'x-method': headers[':method'],
        'x-path': headers[':path'],
        'x-host': headers[':authority'] ?? headers.host,
      })
      stream.pipe(stream)
    }
    if (headers[':path'] === '/later') later.push(respond)
    else respond()
  })
  server.on('connection', () => seen.connections++)
  const port = await listen(t, server as Http2Server)
  const releaseAll = () => {
    for (const respond of later.splice(0)) respond()
  }
  return { seen, port, waiting: () => later.length, release: releaseAll }
}

for (const isSecure of [true, false]) {
  const scheme = isSecure ? 'https' : 'h2c'
  t.test(`HTTP/2 to ${scheme} origins`, async t => {
    const h2 = await startH2(t, isSecure)
    const group = {
      origins: [{ url: `${scheme}://127.0.0.1:${h2.port}` }],
      tls: { ca: localhost.cert },
      headTimeoutMs: 400,
    }
    const app = await startApp(t, group)

    await t.test('a request and its body arrive', async t => {
      const sent = await send(app.upstream, { method: 'POST', path: '/a%2Fb?c', body: Buffer.from('hello') })
      t.equal(sent.status, 200)
      t.equal(String(sent.body), 'hello')
      const headers = Object.fromEntries(pairsOf(sent.headers))
      t.match(headers, { 'x-method': 'POST', 'x-path': '/a%2Fb?c', 'x-host': 'app.test' })
      t.notOk(
        sent.headers.some(name => name.startsWith(':')),
        'no pseudo field is seen',
      )
    })

    await t.test('many requests share the connection', async t => {
      const answers = Array.from({ length: 50 }, (_, i) =>
        send(app.upstream, { method: 'POST', path: '/later', body: Buffer.from(`${i}`) }),
      )
      await until('all of them to be there', () => h2.waiting() === 50)
      t.equal(h2.seen.most, 50)
      h2.release()
      t.strictSame(
        (await Promise.all(answers)).map(({ body }) => String(body)),
        Array.from({ length: 50 }, (_, i) => `${i}`),
      )
      t.equal(h2.seen.sessions, 1)
      t.match(originOf(app), { open: 1, inFlight: 0, pending: 0 })
    })

    await t.test('a caller that leaves ends one stream, not the connection', async t => {
      const sent = begin(app.upstream, { path: '/never' })
      await until('the stream', () => h2.seen.inFlight === 1)
      sent.controller.abort(new Error('the client left'))
      await t.rejects(sent.answer, { message: 'the client left' })
      await until('its end at the origin', () => h2.seen.inFlight === 0)
      t.equal((await send(app.upstream)).status, 200)
      t.equal(h2.seen.sessions, 1)
    })

    await t.test('an answer that does not come in time is a 504, and the connection stays', async t => {
      await t.rejects(send(app.upstream, { path: '/never' }), {
        code: 'HG_UPSTREAM_TIMEOUT',
        statusCode: 504,
        unsent: false,
      })
      await until('its end at the origin', () => h2.seen.inFlight === 0)
      t.equal((await send(app.upstream)).status, 200)
      t.equal(h2.seen.sessions, 1)
    })
  })

  t.test(`a burst at a fresh ${scheme} origin does not open a connection for each request`, async t => {
    const h2 = await startH2(t, isSecure)
    const group = { origins: [{ url: `${scheme}://127.0.0.1:${h2.port}` }], tls: { ca: localhost.cert } }
    const app = await startApp(t, group)
    // Over TLS it is not known before the first handshake what the origin speaks.
    if (isSecure) await send(app.upstream)
    const answers = await Promise.all(Array.from({ length: 30 }, () => send(app.upstream)))
    t.ok(answers.every(({ status }) => status === 200))
    t.equal(h2.seen.connections, 1)
  })
}

t.test('http2 off speaks HTTP/1.1 to an origin that knows both', async t => {
  const server = http2.createSecureServer({ ...localhost, allowHTTP1: true }, (request, response) => {
    response.end(request.httpVersion)
  })
  const port = await listen(t, server as unknown as Http2Server)
  for (const [isOn, wanted] of [
    [true, '2.0'],
    [false, '1.1'],
  ] as const) {
    const group = { origins: [{ url: `https://127.0.0.1:${port}` }], tls: { ca: localhost.cert }, http2: isOn }
    const app = await startApp(t, group)
    t.equal(String((await send(app.upstream)).body), wanted)
  }
  const app = await startApp(t, { origins: [{ url: `https://127.0.0.1:${port}` }], tls: { ca: localhost.cert } })
  const lent = await app.upstream.connect('app')
  t.equal((lent.socket as tls.TLSSocket).alpnProtocol, 'http/1.1', 'a tunnel is HTTP/1.1 in any case')
  lent.socket.destroy()
  lent.release()
})

t.test('an HTTP/2 origin that goes away cuts its answers visibly and is dialled anew', async t => {
  const sessions: http2.ServerHttp2Session[] = []
  const server = http2.createServer()
  server.on('session', session => sessions.push(session.on('error', () => {})))
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    stream.respond({ ':status': 200 })
    if (headers[':path'] === '/half') stream.write('half')
    else stream.end('whole')
  })
  const port = await listen(t, server)
  const app = await startApp(t, { origins: [{ url: `h2c://127.0.0.1:${port}` }] })
  const half = send(app.upstream, { path: '/half' })
  await until('the session', () => sessions.length === 1)
  await until('the stream', () => originOf(app).inFlight === 1)
  t.equal(String((await send(app.upstream)).body), 'whole')
  sessions[0]?.destroy()
  await t.rejects(half, { code: 'HG_UPSTREAM_INCOMPLETE', statusCode: 502 })
  t.equal(String((await send(app.upstream)).body), 'whole')
  t.equal(sessions.length, 2)
})

function pairsOf(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] as string, flat[2 * i + 1] as string])
}
