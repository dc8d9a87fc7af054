/** Promises about bodies: sizes, bytes, ranges, entity tags. */
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import type { Check } from './promises.ts'

/** Bytes that look like nothing, the same in every run. */
function noise(length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, i) => createHash('sha256').update(`${i}`).digest())
  return Buffer.concat(blocks).subarray(0, length)
}

/** A body of this length is taken and goes on while it comes. */
const uploads: Check = async (t, { app, open }, { method = 'POST', path = '/', size = '1' }) => {
  const first = Promise.withResolvers<Buffer>()
  app.script = request => void request.once('data', first.resolve)
  const client = open('app.test', method, path, { headers: { 'Content-Length': size } }).send('the first bytes')
  t.teardown(() => client.close())
  const request = await app.next()
  t.equal(request.headers['content-length'], size)
  t.equal((await first.promise).toString(), 'the first bytes')
  t.equal(client.received.length, 0)
}

/** 100 comes before the body, and only because the app is there to read it. */
const continues: Check = async (t, { app, open }, { method = 'PUT', path = '/' }) => {
  app.script = (request, response) => void request.resume().on('end', () => response.end('taken'))
  const headers = { Expect: '100-continue', 'Content-Length': '5' }
  const client = open('app.test', method, path, { headers })
  t.teardown(() => client.close())
  t.match(await client.until(text => text.includes('\r\n\r\n')), /^HTTP\/1\.1 100 /)
  t.equal((await client.send('12345').answer(method)).body.toString(), 'taken')
}

/** Target, body and coding arrive as they were sent, in both directions. */
const untouched: Check = async (t, { app, ask }, { method = 'GET', path = '/' }) => {
  const sent = gzipSync(noise(4096))
  const answered = gzipSync(noise(70_000))
  const received: Buffer[] = []
  app.script = (request, response) => {
    const fields = { 'Content-Type': 'text/plain', 'Content-Encoding': 'gzip', ETag: '"strong"', 'X-A': 'b' }
    request.on('data', part => received.push(part)).on('end', () => response.writeHead(200, fields).end(answered))
  }
  const hasBody = !['GET', 'DELETE'].includes(method)
  const headers = { 'Accept-Encoding': 'gzip, br, zstd', ...(hasBody ? { 'Content-Encoding': 'gzip' } : {}) }
  const {
    status,
    headers: got,
    body,
  } = await ask('app.test', method, path, hasBody ? { headers, body: sent } : { headers })
  t.equal(status, 200)
  t.equal(app.seen.at(-1)?.method, method)
  t.equal(app.seen.at(-1)?.url, path)
  t.ok(Buffer.concat(received).equals(hasBody ? sent : Buffer.alloc(0)))
  t.equal(app.seen.at(-1)?.headers['content-encoding'], hasBody ? 'gzip' : undefined)
  t.ok(body.equals(answered))
  t.match(got, { 'content-encoding': 'gzip', etag: '"strong"', 'x-a': 'b' })
}

const film = noise(64 * 1024)

/** Serves the film as RFC 9110 §14 has it: one range, If-Range by tag. */
function serveFilm({ method, headers }: IncomingMessage, response: ServerResponse): void {
  const fields = { 'Content-Type': 'video/mp4', 'Accept-Ranges': 'bytes', ETag: '"film"' }
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? []
  const isMeant = headers['if-range'] === undefined || headers['if-range'] === '"film"'
  if (first === undefined || !isMeant) {
    response.writeHead(200, { ...fields, 'Content-Length': film.length })
    return void response.end(method === 'HEAD' ? undefined : film)
  }
  const end = Math.min(film.length, last ? Number(last) + 1 : film.length)
  if (Number(first) >= film.length) {
    return void response.writeHead(416, { 'Content-Range': `bytes */${film.length}` }).end()
  }
  const range = `bytes ${first}-${end - 1}/${film.length}`
  response.writeHead(206, { ...fields, 'Content-Range': range }).end(film.subarray(Number(first), end))
}

const ranges: Check = async (t, { app, ask }, { path = '/' }) => {
  app.script = serveFilm
  for (const [first, last] of [
    [0, 0],
    [0, 1],
    [1000, 1999],
    [65_000, 65_535],
    [0, 65_535],
    [40_000, 50_000],
  ] as const) {
    const { status, headers, body } = await ask('app.test', 'GET', path, {
      headers: { Range: `bytes=${first}-${last}` },
    })
    t.equal(status, 206)
    t.equal(headers['content-range'], `bytes ${first}-${last}/${film.length}`)
    t.ok(body.equals(film.subarray(first, last + 1)))
  }
  const conditional = (tag: string) =>
    ask('app.test', 'GET', path, { headers: { Range: 'bytes=5-9', 'If-Range': tag, 'Accept-Encoding': 'gzip, br' } })
  t.equal((await conditional('"film"')).status, 206)
  const whole = await conditional('"another"')
  t.equal(whole.status, 200)
  t.ok(whole.body.equals(film))
  t.equal((await ask('app.test', 'GET', path, { headers: { Range: 'bytes=99999-' } })).status, 416)
  t.equal((await ask('app.test', 'HEAD', path)).headers['content-length'], String(film.length))
}

/** The tag that a client read is the tag that the app gets back, also from a client that takes every coding. */
const tags: Check = async (t, { app, ask }, { path = '/' }) => {
  app.script = ({ method, headers }, response) => {
    const isSame = headers['if-match'] === '"v1"'
    if (method === 'PUT') response.writeHead(isSame ? 204 : 412).end()
    else response.writeHead(200, { 'Content-Type': 'text/calendar', ETag: '"v1"' }).end('BEGIN:VCALENDAR\n'.repeat(500))
  }
  const { headers } = await ask('app.test', 'GET', path, { headers: { 'Accept-Encoding': 'gzip, br, zstd' } })
  const put = (tag: string) => ask('app.test', 'PUT', path, { headers: { 'If-Match': tag }, body: 'BEGIN:VCALENDAR\n' })
  t.equal((await put(headers['etag'] ?? '')).status, 204)
  t.equal((await put('"v0"')).status, 412)
}

export const comesBack = { uploads, continues, untouched, ranges, tags } as const satisfies Record<string, Check>
