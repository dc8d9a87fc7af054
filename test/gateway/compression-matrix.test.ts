/**
 * Encoded answers on the wire, through the whole gateway: the decoded bytes always equal the origin's, labels are true.
 */

import { randomBytes } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { base, startGateway } from '../support/gateway.ts'
import { decoded, fetchH2, fetchRaw, type Got, textOf } from './compression-support.ts'
import { route } from './support.ts'

const SIZES = [0, 5, 1_023, 1_024, 20_000, 131_072, 131_073, 400_000]
const FORMS = ['length', 'chunked', 'close', 'dripping'] as const
const ACCEPTED = ['gzip', 'br', 'zstd', 'gzip, br, zstd', 'identity', '*;q=0', 'br;q=0.1, gzip;q=0.9', undefined]
/** What is decided of a type does not depend on the cache: the second time one of each decision will do. */
const TYPES_AGAIN = ['text/html; charset=utf-8', 'image/jpeg', '']
const TYPES = ['text/html; charset=utf-8', 'application/json', 'image/jpeg', 'application/octet-stream', 'font/ttf', '']

type Form = (typeof FORMS)[number]

/** `/?size=…&form=…&type=…`, with more fields by `h=Name: value`. */
async function origin(t: Test): Promise<string> {
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://a')
    const body = bodyOf(Number(searchParams.get('size')), searchParams.get('type') ?? '')
    for (const line of searchParams.getAll('h')) {
      const at = line.indexOf(': ')
      response.setHeader(line.slice(0, at), line.slice(at + 2))
    }
    const type = searchParams.get('type') ?? 'text/plain'
    if (type !== '') response.setHeader('Content-Type', type)
    response.statusCode = Number(searchParams.get('status') ?? 200)
    send(response, body, (searchParams.get('form') ?? 'length') as Form)
  })
  server.listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function bodyOf(size: number, type: string): Buffer {
  return type === 'image/jpeg' ? Buffer.alloc(size, 'jpeg') : textOf(size)
}

function send(response: ServerResponse, body: Buffer, form: Form): void {
  if (form === 'length') return void response.setHeader('Content-Length', body.length).end(body)
  if (form === 'close') {
    response.shouldKeepAlive = false
    response.useChunkedEncodingByDefault = false
    response.removeHeader('transfer-encoding')
  }
  const half = Math.floor(body.length / 2)
  response.write(body.subarray(0, half))
  if (form === 'dripping') setTimeout(() => response.end(body.subarray(half)), 60)
  else response.end(body.subarray(half))
}

const ask = (size: number, form: string, type: string, more = '') =>
  `/?size=${size}&form=${form}&type=${encodeURIComponent(type)}${more}`

/** What has to hold of each answer, whatever was decided. */
function check(t: Test, got: Got, wanted: Buffer, name: string): void {
  t.ok(got.isWhole, `${name}: whole`)
  t.ok(
    decoded(got).equals(wanted),
    `${name}: ${got.headers['content-encoding'] ?? 'identity'} decodes to what was sent`,
  )
  const length = got.headers['content-length']
  if (length !== undefined) t.equal(Number(length), got.body.length, `${name}: length`)
  const vary = String(got.headers['vary'] ?? '').toLowerCase()
  const named = vary.split(',').filter(each => each.trim() === 'accept-encoding').length
  t.ok(named <= 1, `${name}: Vary names it once`)
  if (got.headers['content-encoding'] !== undefined) t.equal(named, 1, `${name}: Vary`)
}

for (const [cache, types, least] of [
  ['false', TYPES_AGAIN, 75],
  ['{ enabled: true }', TYPES, 250],
] as const) {
  t.test(`every type, size and form decodes to what the origin sent (cache: ${cache})`, async t => {
    const url = await origin(t)
    const { port } = await startGateway(t, `${base}defaults: { cache: ${cache} }\nroutes:\n${route('app', '/', url)}`)
    let encoded = 0
    for (const type of types) {
      for (const size of SIZES) {
        const wanted = bodyOf(size, type)
        const one = async (form: Form, accept: string | undefined): Promise<void> => {
          const got = await fetchRaw(
            port,
            ask(size, form, type),
            accept === undefined ? {} : { 'accept-encoding': accept },
          )
          check(t, got, wanted, `${type} ${size} ${form} ${accept}`)
          if (got.headers['content-encoding'] !== undefined) encoded++
        }
        // At once, as the ones that drip are waited for.
        await Promise.all(
          FORMS.flatMap(form =>
            (form === 'dripping' ? ACCEPTED.slice(0, 4) : ACCEPTED).map(accept => one(form, accept)),
          ),
        )
      }
    }
    t.ok(encoded > least, `${encoded} were encoded`)
  })
}

t.test('methods and statuses', async t => {
  const url = await origin(t)
  const { port } = await startGateway(t, `${base}defaults: { cache: false }\nroutes:\n${route('app', '/', url)}`)
  const path = ask(5_000, 'length', 'text/html')
  const gzip = { 'accept-encoding': 'gzip' }
  const head = await fetchRaw(port, path, gzip, 'HEAD')
  t.equal(head.headers['content-encoding'], undefined)
  t.not(head.headers['content-length'], '0')
  t.match(head.headers['vary'], /accept-encoding/i)
  const posted = await fetchRaw(port, path, gzip, 'POST', 'x')
  t.equal(posted.headers['content-encoding'], 'gzip')
  check(t, posted, textOf(5_000), 'POST')
  const missing = await fetchRaw(port, `${path}&status=404`, gzip)
  t.equal(missing.status, 404)
  check(t, missing, textOf(5_000), '404')
  const part = await fetchRaw(
    port,
    `${path}&status=206&h=${encodeURIComponent('Content-Range: bytes 0-4999/9000')}`,
    gzip,
  )
  t.equal(part.headers['content-encoding'], undefined)
})

t.test('over HTTP/2 as over HTTP/1.1', async t => {
  const url = await origin(t)
  const certs = fileURLToPath(new URL('../support/certs/', import.meta.url))
  const tls = `listen: { host: 127.0.0.1, port: 0, tls: { cert: "${certs}localhost.cert.pem", key: "${certs}localhost.key.pem" } }`
  const yaml = base.replace('listen: { host: 127.0.0.1, port: 0 }', tls)
  const { port } = await startGateway(t, `${yaml}routes:\n${route('app', '/', url)}`)
  for (const size of SIZES) {
    for (const coding of ['gzip', 'br', 'zstd']) {
      const got = await fetchH2(`https://127.0.0.1:${port}`, ask(size, 'chunked', 'text/css'), {
        'accept-encoding': coding,
      })
      check(t, got, textOf(size), `${size} ${coding}`)
    }
  }
})

t.test('bytes that do not shrink, and bytes that look encoded, keep their labels true', async t => {
  const noise = randomBytes(50_000)
  const likeZlib = Buffer.concat([Buffer.from('x^'), textOf(5_000)])
  const archive = gzipSync(textOf(20_000))
  const bodies: Record<string, Buffer> = { '/noise': noise, '/zlib': likeZlib, '/archive': archive }
  const server = createServer((request, response) => {
    response.setHeader('Content-Type', 'text/plain')
    response.setHeader('ETag', '"v1"')
    response.setHeader('Content-MD5', 'untrue-when-encoded')
    const body = bodies[request.url ?? ''] as Buffer
    if (request.headers['x-chunked'] === undefined) response.setHeader('Content-Length', body.length)
    response.write(body.subarray(0, 100))
    response.end(body.subarray(100))
  })
  server.listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { port } = await startGateway(t, `${base}routes:\n${route('app', '/', url)}`)
  for (const coding of ['gzip', 'br', 'zstd']) {
    for (const chunked of [{}, { 'x-chunked': '1' }]) {
      for (const [path, body] of Object.entries(bodies)) {
        const got = await fetchRaw(port, path, { 'accept-encoding': coding, ...chunked })
        check(t, got, body, `${path} ${coding}`)
        const isEncoded = path === '/zlib'
        t.equal(got.headers['content-encoding'], isEncoded ? coding : undefined, path)
        t.equal(got.headers['etag'], isEncoded ? `"v1~hg-${coding}"` : '"v1"')
        t.equal(got.headers['content-md5'], isEncoded ? undefined : 'untrue-when-encoded')
      }
    }
  }
})
