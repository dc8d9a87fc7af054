/**
 * Request bodies in the whole gateway: decoded and encoded by the keys of a route, through retries, cache and admission,
 * over HTTP/2 too, counted, and explained.
 */
import { connect } from 'node:http2'
import zlib from 'node:zlib'
import t from 'tap'
import { words } from '../plugins/compression/support.ts'
import { base, startGateway } from '../support/gateway.ts'
import { exchange } from '../support/raw-client.ts'
import { answer, type RawOrigin, rawOrigin } from '../support/raw-origin.ts'
import { ask, servingOf } from './explain/rig.ts'

interface Teardown {
  teardown(fn: () => unknown): void
}

const text = words(50_000)
const certs = new URL('../support/certs/', import.meta.url).pathname

/** Reads each body to its end; asks for gzip in its answers below `/asks`. */
async function readingApp(t: Teardown): Promise<RawOrigin> {
  const origin = await rawOrigin((request, socket) => {
    const fields: Record<string, string> = request.target.startsWith('/asks') ? { 'Accept-Encoding': 'gzip' } : {}
    request.complete.then(
      () => socket.write(answer(200, fields, 'ok')),
      () => {},
    )
  })
  t.teardown(origin.close)
  return origin
}

const routesOf = (url: string) => `
routes:
  - { name: all, upstream: "${url}" }
  - { name: old, match: { path: /old }, upstream: "${url}", compression: { requests: { decode: true, max_size: 1MiB } } }
  - { name: new, match: { path: /new }, upstream: "${url}", compression: { requests: { encode: [brotli] } } }
  - { name: asks, match: { path: /asks }, upstream: "${url}" }
  - { name: off, match: { path: /asks/off }, upstream: "${url}", compression: false }
`

function send(port: number, line: string, body: Buffer | string, fields: Record<string, string> = {}) {
  const bytes = Buffer.from(body)
  const all = { Host: 'home.test', 'Content-Type': 'text/plain', ...fields, 'Content-Length': String(bytes.length) }
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return exchange(port, Buffer.concat([Buffer.from(`${line} HTTP/1.1\r\n${head.join('')}\r\n`), bytes]))
}

t.test('each route does with request bodies what its keys say, and counts it', async t => {
  const origin = await readingApp(t)
  const { port, adminUrl } = await startGateway(t, base + routesOf(origin.url))
  const last = () => origin.requests.at(-1)
  const gzipped = zlib.gzipSync(text)

  t.equal((await send(port, 'POST /x', gzipped, { 'Content-Encoding': 'gzip' })).status, 200)
  t.ok(last()?.body.equals(gzipped), 'by default nothing is decoded')
  t.equal((await send(port, 'PUT /old/x', gzipped, { 'Content-Encoding': 'gzip' })).status, 200)
  t.equal(last()?.body.toString(), text)
  t.equal((await send(port, 'POST /old/x', 'a', { 'Content-Encoding': 'compress' })).status, 415)
  const bomb = zlib.gzipSync(Buffer.alloc(3 * 1024 ** 2))
  const refused = await send(port, 'POST /old/x', bomb, { 'Content-Encoding': 'gzip' })
  t.equal(refused.status, 413)
  t.notMatch(refused.body.toString(), /127\.0\.0\.1/)
  t.equal((await send(port, 'POST /new/x', text)).status, 200)
  t.equal(zlib.brotliDecompressSync(last()?.body ?? '').toString(), text)
  for (const path of ['/asks/x', '/asks/x', '/asks/off/x', '/asks/off/x']) await send(port, `POST ${path}`, text)
  t.strictSame(
    origin.requests.slice(-4).map(({ headers }) => headers['content-encoding']),
    [undefined, 'gzip', undefined, undefined],
  )
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text()
  const value = (name: string, labels: string) => metrics.match(`hearthgate_${name}\\{${labels}\\} (\\S+)`)?.[1]
  t.equal(value('compression_requests_total', 'route="old",encoding="gzip",reason="decoded"'), '1')
  t.equal(value('compression_requests_out_bytes_total', 'route="old",encoding="gzip",reason="decoded"'), '50000')
  t.equal(value('compression_requests_total', 'route="new",encoding="br",reason="encoded-for-origin"'), '1')
  t.equal(value('compression_requests_left_total', 'route="old",reason="unsupported-coding"'), '1')
  t.match(value('compression_requests_left_total', 'route="old",reason="too-large"'), '1')
  t.equal(value('compression_requests_left_total', 'route="all",reason="encoded"'), '1')
})

t.test('an encoded body is found again by a retry, and by an origin that comes back', async t => {
  let isGone = true
  const origin = await rawOrigin((request, socket) => {
    request.complete.then(
      () => {
        if (isGone) socket.destroy()
        else socket.write(answer(200, {}, 'ok'))
        isGone = false
      },
      () => {},
    )
  })
  t.teardown(origin.close)
  const yaml = `${base}
routes:
  - { name: all, upstream: "${origin.url}", retry: { methods: [PUT] }, compression: { requests: { encode: [gzip] } } }
`
  const { port } = await startGateway(t, yaml)
  t.equal((await send(port, 'PUT /x', text)).status, 200)
  t.equal(origin.requests.length, 2)
  for (const { body } of origin.requests) t.equal(zlib.gunzipSync(body).toString(), text)
})

t.test('bodies over HTTP/2 are decoded, and refused, like others', async t => {
  const origin = await readingApp(t)
  const tls = `listen: { host: 127.0.0.1, port: 0, tls: { cert: "${certs}localhost.cert.pem", key: "${certs}localhost.key.pem" } }`
  const yaml = base.replace('listen: { host: 127.0.0.1, port: 0 }', tls) + routesOf(origin.url)
  const { port } = await startGateway(t, yaml)
  const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
  t.teardown(() => session.close())
  const post = (fields: Record<string, string>, body: Buffer) =>
    new Promise<{ status: number; accept: unknown }>((resolve, reject) => {
      const stream = session.request({ ':method': 'POST', ':path': '/old/x', ...fields })
      stream.on('response', head => resolve({ status: Number(head[':status']), accept: head['accept-encoding'] }))
      stream.on('error', reject).resume()
      stream.end(body)
    })
  for (const size of [3_000, 400_000]) {
    t.equal((await post({ 'content-encoding': 'zstd' }, zlib.zstdCompressSync(words(size)))).status, 200)
    t.equal(origin.requests.at(-1)?.body.toString(), words(size))
  }
  t.equal((await post({ 'content-encoding': 'zstd' }, Buffer.from('none'))).status, 400)
  t.strictSame(await post({ 'content-encoding': 'lzma' }, Buffer.from('none')), {
    status: 415,
    accept: 'zstd, br, gzip',
  })
})

t.test('explain says what becomes of the body of a request, and why', async t => {
  const serving = servingOf(routesOf('http://127.0.0.1:3000'))
  const bodyOf = (path: string, ...headers: string[]) =>
    ask(serving, `http://home.test${path}`, { method: 'POST', headers }).decisions?.compression.request
  const long = ['Content-Type: application/json', 'Content-Length: 20000']
  const cases: [string, string[], string | null, RegExp][] = [
    ['/x', long, null, /until the app asks/],
    ['/new', long, 'br', /encoded as br/],
    ['/new', ['Content-Type: application/json', 'Content-Length: 20'], null, /shorter than min_size/],
    ['/new', ['Content-Type: application/json', 'Transfer-Encoding: chunked'], null, /without a length/],
    ['/new', [...long, 'Content-Digest: sha-256=:AA==:'], null, /digest/],
    ['/x', [...long, 'Content-Encoding: gzip'], null, /the app is to read it/],
    ['/old', [...long, 'Content-Encoding: gzip'], 'gzip', /decoded from gzip, at most 1048576 bytes and 100 times/],
    ['/old', [...long, 'Content-Encoding: compress'], null, /refused with 415/],
  ]
  for (const [path, headers, coding, wanted] of cases) {
    const told = bodyOf(path, ...headers)
    t.equal(told?.coding, coding, `${path} ${headers}`)
    t.match(told?.text, wanted, `${path} ${headers}`)
  }
  t.equal(bodyOf('/new'), null, 'no body')
  t.equal(bodyOf('/asks/off', ...long), null, 'off')
})
