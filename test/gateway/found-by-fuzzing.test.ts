/** Faults that the fuzzers of test/fuzz found, kept as tests: each failed before it was mended. */
import { once } from 'node:events'
import http2 from 'node:http2'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { base, startGateway } from '../support/gateway.ts'
import { exchange, RawClient } from '../support/raw-client.ts'
import type { RawRequest } from '../support/raw-origin.ts'
import { endHeaders, endStream, frame, rawH2, request, type } from './listeners/raw-h2.ts'
import { eventually, get, originFor, route } from './support.ts'

const certs = fileURLToPath(new URL('../support/certs/', import.meta.url))
const tls = base.replace(
  'port: 0 }',
  `port: 0, tls: { cert: ${certs}localhost.cert.pem, key: ${certs}localhost.key.pem } }`,
)

t.test('a request over HTTP/1.1 that calls itself HTTP/2.0 ends nothing but its own connection', async t => {
  const origin = await originFor(t, () => {})
  const { port } = await startGateway(t, `${base}routes:\n${route('app', '/', origin.url)}`)
  const heads = [
    '',
    'Transfer-Encoding: chunked\r\n',
    'Content-Length: 9\r\n',
    'Content-Length: 9\r\nExpect: 100-continue\r\n',
    'Expect: x\r\n',
  ]
  for (const lines of heads) {
    const client = new RawClient(port).send(`POST / HTTP/2.0\r\nHost: a\r\n${lines}\r\n`)
    const { status, headers } = await client.answer('POST')
    t.equal(status, 505, lines)
    t.equal(headers['connection'], 'close')
    client.close()
  }
  // What it threw was thrown once the answer had been written.
  await pause(20)
  t.equal(origin.requests.length, 0)
  t.equal((await exchange(port, get().replace('HTTP/1.1', 'HTTP/2.0'))).status, 505)
})

t.test('a value with bytes above ASCII is the same where the head goes out ahead of the body', async t => {
  const name = 'attachment; filename="\xc3\xa9t\xe9.txt"'
  const origin = await originFor(t, (request, socket) => {
    const type = request.target === '/events' ? 'text/event-stream' : 'text/plain'
    socket.write(
      `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Disposition: ${name}\r\nTransfer-Encoding: chunked\r\n\r\n`,
      'latin1',
    )
    if (request.target === '/text')
      setTimeout(() => socket.write(`800\r\n${'word '.repeat(410).slice(0, 2048)}\r\n`), 60)
  })
  const { port } = await startGateway(t, `${base}routes:\n${route('app', '/', origin.url)}`)
  for (const [path, fields] of [
    ['/plain', ''],
    ['/events', ''],
    ['/events', 'Accept-Encoding: gzip\r\n'],
    ['/text', 'Accept-Encoding: gzip\r\n'],
  ] as const) {
    const client = new RawClient(port).send(get(path, fields))
    const text = await client.until(seen => seen.includes('\r\n\r\n'))
    t.match(text, new RegExp(`content-disposition: ${name}\\r\\n`, 'i'), `${path} ${fields}`)
    client.close()
  }
})

t.test('an upload over HTTP/2 that is reset without an error, or whose session fails, never looks whole', async t => {
  const origin = await originFor(t, () => {})
  const { port } = await startGateway(t, `${tls}routes:\n${route('app', '/', origin.url)}`)
  const ends = {
    'RST_STREAM with NO_ERROR': frame(type.rst, 0, 1, Buffer.alloc(4)),
    'DATA on stream 0': frame(type.data, 0, 0, Buffer.from('x')),
    'GOAWAY and the end': frame(type.goaway, 0, 0, Buffer.alloc(8)),
  }
  for (const [name, bytes] of Object.entries(ends)) {
    const before = origin.requests.length
    const h2 = await rawH2(t, port)
    const head = frame(type.headers, endHeaders, 1, request('/up', [], 'POST'))
    h2.socket.write(Buffer.concat([head, frame(type.data, 0, 1, Buffer.from('half'))]))
    await eventually(() => origin.requests[before]?.body.toString() === 'half')
    h2.socket.write(bytes)
    if (name.startsWith('GOAWAY')) h2.socket.end()
    await t.rejects((origin.requests[before] as RawRequest).complete, { message: 'the request was cut' }, name)
    h2.socket.destroy()
  }
})

t.test('the leaving of a client of HTTP/2 that asked for a head alone ends the work of the app', async t => {
  const origin = await originFor(t, () => {})
  const { port } = await startGateway(t, `${tls}routes:\n${route('app', '/', origin.url)}`)
  const h2 = await rawH2(t, port)
  h2.socket.write(frame(type.headers, endHeaders | endStream, 1, request('/slow', [], 'HEAD')))
  await eventually(() => origin.requests.length === 1)
  h2.socket.destroy()
  await eventually(() => origin.sockets.size === 0)
  t.equal(origin.requests.length, 1)
})

t.test('a method that nobody knows gets 501 over HTTP/2, and nothing of what is inside', async t => {
  const origin = await originFor(t, () => {})
  const { port } = await startGateway(t, `${tls}routes:\n${route('app', '/', origin.url)}`)
  const session = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
  t.teardown(() => session.destroy())
  const stream = session.request({ ':method': 'FOO', ':path': '/', ':authority': 'a' })
  const [head] = await once(stream, 'response', { signal: AbortSignal.timeout(3_000) })
  t.equal(head[':status'], 501)
  t.match(JSON.parse(await text(stream)), { message: 'unknown method' })
  t.equal(origin.requests.length, 0)
})
