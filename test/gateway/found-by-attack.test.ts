/**
 * Faults that a hostile review found, kept as tests: each failed before it was mended.
 */
import { once } from 'node:events'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import t from 'tap'
import { proxy } from '../../plugins/proxy/index.ts'
import { upstream } from '../../plugins/upstream/index.ts'
import { bareApp, waysOut } from '../support/bare-app.ts'
import { base, startGateway } from '../support/gateway.ts'
import { exchange, RawClient } from '../support/raw-client.ts'
import { answer, rawOrigin, type Script } from '../support/raw-origin.ts'
import { originFor } from './support.ts'

const get = (path = '/', more = '', version = '1.1') => `GET ${path} HTTP/${version}\r\nHost: a\r\n${more}\r\n`

t.test('an origin that keeps no connection is not dialled in a loop', async t => {
  const origin = await rawOrigin(
    (_request, socket) => void socket.write(answer(200, { 'Keep-Alive': 'timeout=0' }, 'ok')),
  )
  t.teardown(() => origin.close())
  const { port } = await bareApp(t, origin.url)
  for (let i = 0; i < 5; i++) t.equal((await exchange(port, get())).status, 200)
  t.ok(origin.connections <= 6, `${origin.connections} connections`)

  const zero = await bareApp(t, origin.url, { group: { maxIdleMs: 0 } })
  const before = origin.connections
  for (let i = 0; i < 5; i++) t.equal((await exchange(zero.port, get())).status, 200)
  t.ok(origin.connections - before <= 6)
})

for (const { name, direct } of waysOut) {
  t.test(`${name}: a Trailer field is no danger where no trailers can follow`, async t => {
    const heads: Record<string, string> = {
      '/length': 'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\nok',
      '/304': 'HTTP/1.1 304 Not Modified\r\nTrailer: X-Sum\r\nETag: "a"\r\n\r\n',
      '/chunked':
        'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n',
    }
    const origin = await rawOrigin((request, socket) => void socket.write(heads[request.target] ?? ''))
    t.teardown(() => origin.close())
    const { port } = await bareApp(t, origin.url, { proxy: { direct } })
    t.equal((await exchange(port, get('/length'))).body.toString(), 'ok')
    t.equal((await exchange(port, get('/304'))).status, 304)
    t.equal((await exchange(port, get('/chunked'))).body.toString(), 'ok')
    t.equal((await exchange(port, get('/chunked', 'Connection: close\r\n', '1.0'))).body.toString(), 'ok')
  })

  t.test(`${name}: the heads of HEAD and 304 answers stay as they were`, async t => {
    const script: Script = (request, socket) => {
      const head = request.target === '/304' ? '304 Not Modified' : '200 OK'
      socket.write(`HTTP/1.1 ${head}\r\nETag: "a"\r\nContent-Length: 5\r\n\r\n`)
    }
    const origin = await rawOrigin(script)
    t.teardown(() => origin.close())
    const { port } = await bareApp(t, origin.url, { proxy: { direct } })
    for (const bytes of [get('/304'), get('/').replace('GET', 'HEAD')]) {
      const { headers } = await exchange(port, bytes)
      t.equal(headers['content-length'], '5')
      t.equal(headers['content-type'], undefined)
    }
  })

  t.test(`${name}: early hints carry links and nothing that frames`, async t => {
    const origin = await rawOrigin((_request, socket) => {
      socket.write(
        'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nContent-Length: 99\r\nConnection: X-A\r\nX-A: 1\r\n\r\n',
      )
      socket.write(answer(200, {}, 'ok'))
    })
    t.teardown(() => origin.close())
    const { port } = await bareApp(t, origin.url, { proxy: { direct } })
    const client = new RawClient(port).send(get())
    t.teardown(() => client.close())
    const text = await client.until(received => received.includes('\r\n\r\nHTTP/1.1 200'))
    t.match(text.slice(0, text.indexOf('\r\n\r\n')), /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a>; rel=preload$/i)
  })

  t.test(`${name}: the head of an event stream does not wait for its first event`, async t => {
    const origin = await rawOrigin((_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n')
    })
    t.teardown(() => origin.close())
    const { port } = await bareApp(t, origin.url, { proxy: { direct } })
    const client = new RawClient(port).send(get())
    t.teardown(() => client.close())
    await client.until(text => text.includes('\r\n\r\n'), 500)
    t.pass()
  })

  t.test(`${name}: a cut answer to an HTTP/1.0 client ends with a reset, not with a proper close`, async t => {
    const origin = await rawOrigin((_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n', () =>
        setTimeout(() => socket.destroy(), 20),
      )
    })
    t.teardown(() => origin.close())
    const { port } = await bareApp(t, origin.url, { proxy: { direct } })
    const client = new RawClient(port).send(get('/', '', '1.0'))
    const errors: Error[] = []
    client.socket.on('error', error => errors.push(error))
    await new Promise(resolve => client.socket.once('close', resolve))
    t.match(errors, [{ code: 'ECONNRESET' }])
  })

  t.test(`${name}: a status that nobody knows passes`, async t => {
    const origin = await rawOrigin((_request, socket) => void socket.write(answer(799, {}, 'odd')))
    t.teardown(() => origin.close())
    const { port } = await bareApp(t, origin.url, { proxy: { direct } })
    const got = await exchange(port, get())
    t.strictSame([got.status, got.body.toString()], [799, 'odd'])
  })
}

t.test('an answer that is cut while a slow hook looks at it does not end the process', async t => {
  const origin = await rawOrigin((_request, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 100\r\n\r\nsome', () => socket.destroy())
  })
  t.teardown(() => origin.close())
  const app = Fastify({ forceCloseConnections: true })
  app.addHook('onSend', async (_request, _reply, payload) => {
    await new Promise(resolve => setTimeout(resolve, 50))
    return payload
  })
  await app.register(upstream, { upstreams: { app: { origins: [{ url: origin.url }] } } })
  await app.register(proxy, { upstream: 'app' })
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  const got = await exchange((app.server.address() as AddressInfo).port, get()).catch(() => null)
  t.ok(got === null || !got.isWhole || got.status >= 500)
})

t.test('an HTTP/2 client that is answered early may stop sending', async t => {
  const origin = await rawOrigin((_request, socket) => void socket.write(answer(413, {}, 'too much')))
  t.teardown(() => origin.close())
  const app = Fastify({ http2: true, forceCloseConnections: true })
  await app.register(upstream, { upstreams: { app: { origins: [{ url: origin.url }] } } })
  await app.register(proxy, { upstream: 'app', direct: true } as never)
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  const session = http2.connect(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
  t.teardown(() => session.destroy())
  const stream = session.request({ ':method': 'POST', ':path': '/' })
  stream.on('error', () => {})
  stream.write(Buffer.alloc(65_536))
  const [head] = await once(stream, 'response')
  t.equal(head[':status'], 413)
  stream.resume()
  await once(stream, 'close', { signal: AbortSignal.timeout(3_000) })
  t.pass('the stream was closed although the client had not ended it')
})

t.test('upgrade answers follow the same rules as others', async t => {
  const origin = await rawOrigin((_request, socket) => {
    socket.write(answer(200, { Server: 'x', 'X-Request-Id': 'theirs', Via: '1.1 other' }, 'no upgrade'))
  })
  t.teardown(() => origin.close())
  const rules = 'headers: { response: { set: { X-Frame-Options: DENY }, remove: [Server] } }'
  const { port } = await startGateway(t, `${base}routes:\n  - { name: a, upstream: "${origin.url}", ${rules} }\n`)
  const upgrade =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGVzdA==\r\n'
  const { headers, body } = await exchange(port, get('/', upgrade))
  t.equal(body.toString(), 'no upgrade')
  t.match(headers, { 'x-frame-options': 'DENY', via: '1.1 other, 1.1 hearthgate' })
  t.equal(headers.server, undefined)
  t.notMatch(headers['x-request-id'], /theirs|\n/)
})

t.test('messages of failures are whole sentences', async t => {
  const origin = await rawOrigin(() => {})
  t.teardown(() => origin.close())
  const { port } = await startGateway(
    t,
    `${base}routes:\n  - { name: a, upstream: "${origin.url}", limits: { response_timeout: 300ms } }\n`,
  )
  const { status, body } = await exchange(port, get())
  t.equal(status, 504)
  t.equal(JSON.parse(body.toString()).message, 'the origin did not answer in time')
})

t.test('no 100 for HTTP/1.0, whose clients take it for the answer', async t => {
  const origin = await originFor(t, ({ complete }, socket) => {
    complete.then(
      body => socket.write(answer(200, {}, String(body.length))),
      () => {},
    )
  })
  const { port } = await startGateway(t, `${base}routes: [{ name: any, upstream: "${origin.url}" }]\n`)
  const client = new RawClient(port)
  t.teardown(() => client.close())
  const head = 'POST /u HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n'
  await client.send(`${head}hello`).whenClosed()
  t.match(client.received.toString('latin1'), /^HTTP\/1\.1 200 /)
})
