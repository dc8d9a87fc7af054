/**
 * What must not be held back, must not be made whole, and must keep its validators, with compression on.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { brotliDecompressSync, constants, gunzipSync, zstdDecompressSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { base, startGateway } from '../support/gateway.ts'
import { decoded, fetchRaw, textOf } from './compression-support.ts'
import { route } from './support.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

async function gatewayFor(t: Test, answer: Answer, more = ''): Promise<number> {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { port } = await startGateway(t, `${base}${more}routes:\n${route('app', '/', url)}`)
  return port
}

/** The body so far, chunk framing off, whenever some of it comes. */
function follow(t: Test, port: number, accept: string, onBody: (body: Buffer) => void): void {
  const socket = net.connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write(`GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: ${accept}\r\n\r\n`)
  let seen = Buffer.alloc(0)
  socket.on('data', chunk => {
    seen = Buffer.concat([seen, chunk])
    const at = seen.indexOf('\r\n\r\n')
    if (at >= 0) onBody(unchunked(seen.subarray(at + 4)))
  })
}

function unchunked(bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf('\r\n', at)
    const length = Number.parseInt(bytes.subarray(at, end).toString(), 16)
    if (end < 0 || Number.isNaN(length) || length === 0) break
    parts.push(bytes.subarray(end + 2, end + 2 + length))
    at = end + 2 + length + 2
  }
  return Buffer.concat(parts)
}

const soFar: Record<string, (body: Buffer) => Buffer> = {
  gzip: body => gunzipSync(body, { finishFlush: constants.Z_SYNC_FLUSH }),
  br: body => brotliDecompressSync(body, { finishFlush: constants.BROTLI_OPERATION_FLUSH }),
  zstd: body => zstdDecompressSync(body, { finishFlush: constants.ZSTD_e_flush }),
  identity: body => body,
}

for (const accept of ['gzip', 'br', 'zstd', 'identity']) {
  t.test(`a page that drips reaches the client as it comes (${accept})`, async t => {
    const first = textOf(3_000)
    let sentMs = 0
    const port = await gatewayFor(t, (_request, response) => {
      response.setHeader('Content-Type', 'text/html')
      response.write(first)
      sentMs = performance.now()
      setTimeout(() => response.end('the rest'), 1_500)
    })
    const lateMs = await new Promise<number>((resolve, reject) => {
      follow(t, port, accept, body => {
        try {
          if ((soFar[accept] as (body: Buffer) => Buffer)(body).includes(first)) resolve(performance.now() - sentMs)
        } catch {
          // Not enough of it yet.
        }
      })
      setTimeout(() => reject(new Error('nothing came before the rest')), 1_400)
    })
    t.ok(lateMs < 1_000, `${lateMs} ms`)
  })

  t.test(`an event stream is not touched (B5, ${accept})`, async t => {
    const port = await gatewayFor(t, (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
      response.write(`data: ${'x'.repeat(2_000)}\n\n`)
    })
    const body = await new Promise<Buffer>(resolve =>
      follow(t, port, accept, got => got.length > 2_000 && resolve(got)),
    )
    t.ok(body.toString().startsWith('data: xxx'))
  })

  t.test(`an answer that the origin cuts stays cut (${accept})`, async t => {
    for (const length of [5_000, 300_000]) {
      const body = textOf(length)
      const port = await gatewayFor(t, (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/html', 'content-length': length })
        response.write(body.subarray(0, length - 1_000), () => response.destroy())
      })
      const got = await fetchRaw(port, '/', { 'accept-encoding': accept }).catch(() => null)
      const isHonest = got === null || !got.isWhole || got.status === 502
      t.ok(isHonest, `${length}: ${got?.status} ${got?.isWhole}`)
    }
  })
}

t.test('an encoded answer has a tag of its own, which comes back as the origin knows it (F2, T4)', async t => {
  const body = textOf(5_000)
  const seen: string[] = []
  const port = await gatewayFor(t, (request, response) => {
    seen.push(`${request.method} ${request.headers['if-match'] ?? ''}`)
    response.setHeader('ETag', '"v1"')
    if (request.method === 'PUT')
      return void response.writeHead(request.headers['if-match'] === '"v1"' ? 204 : 412).end()
    if (request.headers['if-none-match'] === '"v1"') return void response.writeHead(304).end()
    response.setHeader('Content-Type', 'text/html')
    response.end(body)
  })
  for (const coding of ['gzip', 'br', 'zstd']) {
    const headers = { 'accept-encoding': coding }
    const got = await fetchRaw(port, '/', headers)
    const tag = String(got.headers['etag'])
    t.equal(tag, `"v1~hg-${coding}"`)
    t.ok(decoded(got).equals(body))
    const again = await fetchRaw(port, '/', { ...headers, 'if-none-match': tag })
    t.equal(again.status, 304)
    t.equal(again.headers['etag'], tag)
    t.match(again.headers['vary'], /accept-encoding/i)
    const put = await fetchRaw(port, '/', { ...headers, 'if-match': tag }, 'PUT', 'new')
    t.equal(put.status, 204, 'the condition holds')
    const range = await fetchRaw(port, '/', { ...headers, range: 'bytes=0-99', 'if-range': tag })
    t.ok(decoded(range).equals(body), 'no part of the plain bytes for a tag of encoded ones')
  }
  t.ok(seen.includes('PUT "v1"'))
})

t.test('a stored answer is encoded for each client by what it takes, and asked for once', async t => {
  const body = textOf(50_000)
  let asked = 0
  const port = await gatewayFor(t, (_request, response) => {
    asked++
    response.writeHead(200, { 'content-type': 'text/css', 'cache-control': 'max-age=600', etag: '"v1"' }).end(body)
  })
  for (const coding of ['gzip', 'br', 'zstd', 'identity', 'gzip', 'br']) {
    const got = await fetchRaw(port, '/', { 'accept-encoding': coding })
    t.ok(decoded(got).equals(body), coding)
    t.equal(got.headers['content-encoding'], coding === 'identity' ? undefined : coding)
    t.match(got.headers['vary'], /accept-encoding/i)
    const tag = String(got.headers['etag'])
    t.equal((await fetchRaw(port, '/', { 'accept-encoding': coding, 'if-none-match': tag })).status, 304)
  }
  t.equal(asked, 1)
})

t.test('an image has no Vary: Accept-Encoding (E6)', async t => {
  const port = await gatewayFor(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.alloc(5_000))
  })
  const got = await fetchRaw(port, '/', { 'accept-encoding': 'gzip' })
  t.equal(got.headers['vary'], undefined)
  t.equal(got.headers['content-encoding'], undefined)
})

t.test('compression: false leaves everything alone', async t => {
  const port = await gatewayFor(
    t,
    (_request, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end(textOf(5_000)),
    'defaults: { compression: false }\n',
  )
  const got = await fetchRaw(port, '/', { 'accept-encoding': 'gzip' })
  t.equal(got.headers['content-encoding'], undefined)
  t.equal(got.headers['vary'], undefined)
  t.equal(got.body.length, 5_000)
})
