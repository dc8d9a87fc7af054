/** A group as an undici dispatcher: under undici itself, and under the proxies of somebody else's app. */
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import httpProxy from '@fastify/http-proxy'
import replyFrom from '@fastify/reply-from'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { Dispatcher, fetch, interceptors, request } from 'undici'
import { resolveOptions } from '../../../plugins/contract/index.ts'
import { upstreamGroupSchema } from '../../../plugins/upstream/options.ts'
import { exchange } from '../../support/raw-client.ts'
import { answer, type Script } from '../../support/raw-origin.ts'
import { startApp, startOrigin, type Teardown, until, within } from './support.ts'

/** Tells what it was sent: first line, some fields, the body. */
const echo: Script = (request, socket) => {
  request.complete.then(body => {
    const { host, 'content-length': length, 'transfer-encoding': coding, 'x-one': one } = request.headers
    const told = JSON.stringify({ line: request.line, host, length, coding, one, body: String(body) })
    socket.write(answer(200, { 'Content-Type': 'application/json', 'Set-Cookie': 'a=1\r\nSet-Cookie: b=2' }, told))
  })
}

async function setUp(t: Teardown, script = echo) {
  const origin = await startOrigin(t, script)
  const app = await startApp(t, { origins: [{ url: origin.url }] })
  return { origin, app, dispatcher: app.upstream.dispatcher('app') }
}

t.test("undici's request() works over a group", async t => {
  const { origin, dispatcher } = await setUp(t)
  t.ok(dispatcher instanceof Dispatcher)
  const cases: [string, object, object][] = [
    ['GET', {}, { line: 'GET /x?y=1 HTTP/1.1', body: '' }],
    ['a string', { method: 'POST', body: 'abc' }, { length: '3', body: 'abc' }],
    ['bytes', { method: 'PUT', body: new Uint8Array([97, 98]) }, { length: '2', body: 'ab' }],
    [
      'a stream',
      { method: 'POST', body: Readable.from([Buffer.from('ab'), Buffer.from('cd')]) },
      { coding: 'chunked', body: 'abcd' },
    ],
    [
      'a stream of known length',
      { method: 'POST', body: Readable.from([Buffer.from('ab')]), headers: { 'content-length': '2' } },
      { length: '2', body: 'ab' },
    ],
    ['an object of headers', { headers: { 'X-One': '1', connection: 'close', te: 'x' } }, { one: '1' }],
    ['flat headers', { headers: ['x-one', '1', 'host', 'other.test'] }, { one: '1', host: 'other.test' }],
    ['pairs of headers', { headers: new Map([['x-one', '1']]) }, { one: '1' }],
  ]
  for (const [name, options, wanted] of cases) {
    const answered = await request('http://app.test/x?y=1', { dispatcher, ...options })
    t.equal(answered.statusCode, 200, name)
    t.match(await answered.body.json(), { host: 'app.test', ...wanted }, name)
    t.strictSame(answered.headers['set-cookie'], ['a=1', 'b=2'])
  }
  t.equal(origin.connections, 1)
})

t.test('the origin is the one of the group, whatever the URL says', async t => {
  const { origin, dispatcher } = await setUp(t)
  const { body } = await request('https://elsewhere.invalid:444/', { dispatcher })
  t.match(await body.json(), { host: 'elsewhere.invalid:444' })
  t.equal(origin.requests.length, 1)
})

t.test("fetch and undici's interceptors work over a group", async t => {
  let failures = 2
  const { origin, dispatcher } = await setUp(t, (request, socket) => {
    if (failures-- > 0) socket.write(answer(503, {}, 'busy'))
    else echo(request, socket)
  })
  const retrying = dispatcher.compose(interceptors.retry({ maxRetries: 3, minTimeout: 1, statusCodes: [503] }))
  const { statusCode, body } = await within(5_000, request('http://app.test/', { dispatcher: retrying }))
  t.equal(statusCode, 200)
  await body.dump()
  t.equal(origin.requests.length, 3)
  const fetched = await fetch('http://app.test/f', { dispatcher, method: 'POST', body: 'abc' })
  t.match(await fetched.json(), { line: 'POST /f HTTP/1.1', body: 'abc' })
})

t.test('errors and aborts come out as undici users know them', async t => {
  const { origin, app, dispatcher } = await setUp(t, () => {})
  const leaving = new AbortController()
  const left = request('http://app.test/', { dispatcher, signal: leaving.signal })
  await until('the request', () => origin.requests.length === 1)
  leaving.abort()
  await t.rejects(left, { name: 'AbortError' })
  await until('the connection to be closed', () => origin.sockets.size === 0)
  const reset = await setUp(t, (_request, socket) => socket.resetAndDestroy())
  await t.rejects(request('http://app.test/', { dispatcher: reset.dispatcher }), { code: 'HG_UPSTREAM_RESET' })
  await t.rejects(dispatcher.upgrade({ path: '/', protocol: 'websocket' }), { code: 'HG_UPSTREAM_INVALID' })
  t.throws(() => app.upstream.dispatcher('none'), { code: 'HG_NO_UPSTREAM' })
})

t.test('it stays good when the group changes, and closing it closes nothing', async t => {
  const { app, dispatcher, origin } = await setUp(t)
  const other = await startOrigin(t, echo)
  await dispatcher.close()
  await dispatcher.destroy()
  await (await request('http://app.test/', { dispatcher })).body.dump()
  app.upstream.apply({ app: resolveOptions('test', upstreamGroupSchema, { origins: [{ url: other.url }] }) })
  await (await request('http://app.test/', { dispatcher })).body.dump()
  t.strictSame([origin.requests.length, other.requests.length], [1, 1])
})

/** Two proxies of others, each over our dispatcher. */
const proxies: [string, (app: FastifyInstance, dispatcher: Dispatcher) => unknown][] = [
  [
    '@fastify/reply-from',
    async (app, dispatcher) => {
      await app.register(replyFrom, { base: 'http://app.test', undici: dispatcher as never })
      app.removeAllContentTypeParsers()
      app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
      app.all('/*', (request, reply) => {
        reply.from(request.url)
      })
    },
  ],
  [
    '@fastify/http-proxy',
    (app, dispatcher) => app.register(httpProxy, { upstream: 'http://app.test', undici: dispatcher as never }),
  ],
]

for (const [name, register] of proxies) {
  t.test(`a plain ${name} works over a group`, async t => {
    const { origin, dispatcher } = await setUp(t)
    const front = Fastify({ forceCloseConnections: true })
    await register(front, dispatcher)
    await front.listen({ port: 0, host: '127.0.0.1' })
    t.teardown(() => front.close())
    const { port } = front.server.address() as AddressInfo
    const got = await exchange(port, 'GET /x?y=1 HTTP/1.1\r\nHost: front.test\r\n\r\n')
    t.equal(got.status, 200)
    t.match(JSON.parse(String(got.body)), { line: 'GET /x?y=1 HTTP/1.1' })
    t.equal(got.headers['set-cookie'], 'a=1\nb=2')
    const posted = 'POST / HTTP/1.1\r\nHost: front.test\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello'
    t.match(JSON.parse(String((await exchange(port, posted)).body)), { length: '5', body: 'hello' })
    const chunked =
      'POST / HTTP/1.1\r\nHost: front.test\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'
    t.match(JSON.parse(String((await exchange(port, chunked)).body)), { body: 'hello' })
    t.equal(origin.connections, 1, 'one connection served them all')
  })
}
