/**
 * Traps T1 to T4, T19 and their kin: what @fastify/compress does over @fastify/reply-from, and what the plugin does.
 */
import type { AddressInfo } from 'node:net'
import zlib from 'node:zlib'
import compress from '@fastify/compress'
import replyFrom from '@fastify/reply-from'
import Fastify from 'fastify'
import t from 'tap'
import { ask, compressingApp, decoded, words } from '../plugins/compression/support.ts'
import { answer, rawOrigin } from '../support/raw-origin.ts'

interface Teardown {
  teardown(fn: () => unknown): void
}

const text = words(8_000)
const archive = zlib.gzipSync(text)
/** Begins like a zlib stream, and is none. */
const riddle = `x ${words(4_000)}`

const answers: Record<string, [Record<string, string>, string | Buffer]> = {
  '/archive': [{ 'Content-Type': 'application/octet-stream' }, archive],
  '/short': [{ 'Content-Type': 'text/plain' }, 'hello'],
  '/no-transform': [{ 'Content-Type': 'text/plain', 'Cache-Control': 'no-transform' }, text],
  '/tagged': [{ 'Content-Type': 'text/plain', ETag: '"a"', 'Accept-Ranges': 'bytes', Vary: 'Accept-Encoding' }, text],
  '/riddle': [{ 'Content-Type': 'text/plain' }, riddle],
}

async function apps(t: Teardown): Promise<{ bare: number; ours: number }> {
  const origin = await rawOrigin((request, socket) => {
    const [headers, body] = answers[request.target] ?? [{}, '']
    socket.write(answer(200, headers, body))
  })
  t.teardown(origin.close)
  const app = Fastify({ forceCloseConnections: true })
  await app.register(compress)
  await app.register(replyFrom, { base: origin.url })
  app.get('/*', (request, reply) => reply.from(request.url))
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  const { port } = await compressingApp(t, origin.url)
  return { bare: (app.server.address() as AddressInfo).port, ours: port }
}

const all = { 'Accept-Encoding': 'gzip, br, zstd' }

t.test('T1: an archive is not labelled with a coding that it does not have', async t => {
  const { bare, ours } = await apps(t)
  const seen = await ask(bare, '/archive', all)
  t.not(seen.headers['content-encoding'], undefined, 'the package alone labels it')
  t.throws(() => decoded(seen), 'and nobody can read it')
  const got = await ask(ours, '/archive', all)
  t.equal(got.headers['content-encoding'], undefined)
  t.ok(got.body.equals(archive))
})

t.test('T1: a text that begins like compressed bytes is encoded like any other', async t => {
  const { bare, ours } = await apps(t)
  const seen = await ask(bare, '/riddle', all)
  t.not(seen.headers['content-encoding'], undefined)
  t.throws(() => decoded(seen), 'the package alone labels the plain text')
  for (const coding of ['gzip', 'br', 'zstd']) {
    const got = await ask(ours, '/riddle', { 'Accept-Encoding': coding })
    t.equal(got.headers['content-encoding'], coding)
    t.equal(decoded(got).toString(), riddle)
  }
})

t.test('T2: five bytes stay five bytes', async t => {
  const { bare, ours } = await apps(t)
  t.ok((await ask(bare, '/short', all)).body.length > 5, 'the package alone makes them longer')
  const got = await ask(ours, '/short', all)
  t.equal(got.body.toString(), 'hello')
  t.equal(got.headers['vary'], undefined)
})

t.test('T3: no-transform is obeyed', async t => {
  const { bare, ours } = await apps(t)
  t.not((await ask(bare, '/no-transform', all)).headers['content-encoding'], undefined)
  t.equal((await ask(ours, '/no-transform', all)).body.toString(), text)
})

t.test('T4: a strong tag, Vary and Accept-Ranges tell the truth about the bytes that leave', async t => {
  const { bare, ours } = await apps(t)
  const seen = await ask(bare, '/tagged', all)
  t.match(seen.headers, { etag: '"a"', 'accept-ranges': 'bytes', vary: 'Accept-Encoding, accept-encoding' })
  const got = await ask(ours, '/tagged', all)
  t.match(got.headers, { etag: '"a~hg-zstd"', vary: 'Accept-Encoding' })
  t.equal(got.headers['accept-ranges'], undefined)
  const plain = await ask(ours, '/tagged', {})
  t.match(plain.headers, { etag: '"a"', vary: 'Accept-Encoding', 'accept-ranges': 'bytes' })
})

t.test('T19: each coding has options of its own', async t => {
  const { ours } = await apps(t)
  for (const coding of ['zstd', 'gzip', 'br']) {
    const got = await ask(ours, '/tagged', { 'Accept-Encoding': coding })
    t.equal(got.headers['content-encoding'], coding)
    t.equal(decoded(got).toString(), text)
  }
})

t.test('1,500 mixed answers of a bad origin end, and the process lives', { timeout: 200_000 }, async t => {
  let turn = 0
  const long = Buffer.from(words(3 * 1024 * 1024))
  const origin = await rawOrigin((_request, socket) => {
    const kind = turn++
    const body = kind % 300 === 2 ? long : Buffer.from(words(200 + ((kind * 997) % 40_000)))
    const start = `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n`
    const chunked = (bytes: Buffer) =>
      Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
    switch (kind % 7) {
      case 0:
        return void socket.write(answer(200, { 'Content-Type': 'text/html' }, body))
      case 1:
        socket.write(`${start}Transfer-Encoding: chunked\r\n\r\n`)
        return void socket.write(Buffer.concat([chunked(body), Buffer.from('0\r\n\r\n')]))
      case 2:
        socket.write(`${start}Connection: close\r\n\r\n`)
        return void socket.end(body)
      case 3:
        socket.write(`${start}Content-Length: ${body.length + 10}\r\n\r\n`)
        return void socket.end(body)
      case 4:
        socket.write(`${start}Transfer-Encoding: chunked\r\n\r\n`)
        socket.write(chunked(body))
        return void setImmediate(() => socket.resetAndDestroy())
      case 5:
        // For three of the four clients it has to be decoded.
        return void socket.write(
          answer(200, { 'Content-Type': 'text/html', 'Content-Encoding': 'gzip' }, zlib.gzipSync(body)),
        )
      default:
        socket.write(`${start}Transfer-Encoding: chunked\r\n\r\n`)
        socket.write(chunked(body.subarray(0, 100)))
        return void setImmediate(() => {
          socket.write(Buffer.concat([chunked(body.subarray(100)), Buffer.from('0\r\n\r\n')]))
        })
    }
  })
  t.teardown(origin.close)
  const { port } = await compressingApp(t, origin.url)
  const codings = ['gzip', 'br', 'zstd', 'identity']
  let left = 1_500
  let whole = 0
  let cut = 0
  const run = async () => {
    while (left-- > 0) {
      const got = await ask(port, '/', { 'Accept-Encoding': codings[left % 4] ?? '' }).catch(() => null)
      if (got?.isWhole === true && got.status === 200) whole++
      else cut++
    }
  }
  await Promise.all(Array.from({ length: 16 }, run))
  t.equal(whole + cut, 1_500)
  t.ok(whole > 1_000 && cut > 350, `${whole} whole, ${cut} cut`)
})
