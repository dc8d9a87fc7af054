/**
 * Bodies that arrive in pieces: flushed when the origin pauses, cut where it cut them, and never a reason to die.
 */
import { on } from 'node:events'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import zlib from 'node:zlib'
import t, { type Test } from 'tap'
import { encodeBody } from '../../../plugins/compression/codec/encoded-body.ts'
import { Ticker } from '../../../plugins/compression/codec/ticker.ts'
import { waysOut } from '../../support/bare-app.ts'
import { RawClient } from '../../support/raw-client.ts'
import { rawOrigin } from '../../support/raw-origin.ts'
import { ask, compressingApp, decoded, noise, words } from './support.ts'

const head = (type: string, ...lines: string[]) =>
  ['HTTP/1.1 200 OK', `Content-Type: ${type}`, 'Transfer-Encoding: chunked', ...lines, '', ''].join('\r\n')
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`

function asking(t: Test, port: number, coding: string): RawClient {
  const client = new RawClient(port).send(`GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: ${coding}\r\n\r\n`)
  t.teardown(() => client.close())
  return client
}

/** What can be read of a body that goes on. */
function readable(client: RawClient, coding: string): string {
  const at = client.received.indexOf('\r\n\r\n')
  if (at < 0) return ''
  const bytes: Buffer[] = []
  for (let rest = client.received.subarray(at + 4); rest.length > 0; ) {
    const eol = rest.indexOf('\r\n')
    const size = Number.parseInt(rest.subarray(0, eol).toString(), 16)
    if (eol < 0 || !(size > 0)) break
    bytes.push(rest.subarray(eol + 2, eol + 2 + size))
    rest = rest.subarray(eol + 4 + size)
  }
  return decodedSoFar(Buffer.concat(bytes), coding)
}

function decodedSoFar(all: Buffer, coding: string): string {
  if (all.length === 0) return ''
  if (coding === 'gzip') return zlib.gunzipSync(all, { finishFlush: zlib.constants.Z_SYNC_FLUSH }).toString()
  if (coding === 'br')
    return zlib.brotliDecompressSync(all, { finishFlush: zlib.constants.BROTLI_OPERATION_FLUSH }).toString()
  return zlib.zstdDecompressSync(all, { finishFlush: zlib.constants.ZSTD_e_flush }).toString()
}

t.test('each part of a dripping page reaches the client while the origin pauses, in every coding', async t => {
  const sockets: Socket[] = []
  const parts = [words(3_000), `second ${words(500)}`, 'third, and short']
  const origin = await rawOrigin((_request, socket) => {
    sockets.push(socket)
    socket.write(head('text/html'))
    socket.write(chunk(parts[0] ?? ''))
  })
  t.teardown(origin.close)
  const { port } = await compressingApp(t, origin.url)
  for (const coding of ['gzip', 'br', 'zstd']) {
    const client = asking(t, port, coding)
    let told = ''
    for (const [i, part] of parts.entries()) {
      if (i > 0) sockets.at(-1)?.write(chunk(part))
      const began = performance.now()
      told += part
      // The origin sends nothing more until the part is there.
      await client.until(() => readable(client, coding) === told, 5_000)
      t.comment(`${coding} part ${i} after ${(performance.now() - began).toFixed(1)} ms`)
    }
    t.match(client.received.toString('latin1'), new RegExp(`content-encoding: ${coding}`, 'i'))
    sockets.at(-1)?.write('0\r\n\r\n')
    const got = await client.answer()
    t.equal(decoded(got).toString(), told)
  }
})

t.test('event streams pass untouched, with a charset too, and ndjson as soon as it is there (B5)', async t => {
  const sockets: Socket[] = []
  const origin = await rawOrigin((request, socket) => {
    sockets.push(socket)
    const unbuffered = request.target === '/unbuffered' ? ['X-Accel-Buffering: no'] : []
    const type = request.target.startsWith('/sse') ? 'text/event-stream; charset=utf-8' : 'application/x-ndjson'
    socket.write(head(request.target === '/mjpeg' ? 'multipart/x-mixed-replace; boundary=a' : type, ...unbuffered))
  })
  t.teardown(origin.close)
  const { port } = await compressingApp(t, origin.url)
  for (const path of ['/sse', '/unbuffered', '/mjpeg', '/ndjson']) {
    const client = new RawClient(port).send(`GET ${path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br, gzip\r\n\r\n`)
    t.teardown(() => client.close())
    // The head does not wait for the first event.
    await client.until(text => text.includes('\r\n\r\n'))
    const isEncoded = /content-encoding: br/i.test(client.received.toString('latin1'))
    t.equal(isEncoded, path === '/ndjson', path)
    let told = ''
    for (const event of ['data: {"celsius":21.5}\n\n', 'data: {"celsius":22}\n\n']) {
      sockets.at(-1)?.write(chunk(event))
      told += event
      await client.until(text => (isEncoded ? readable(client, 'br') === told : text.includes(event)))
    }
    sockets.pop()?.destroy()
    await client.whenClosed()
  }
})

for (const { name, direct } of waysOut) {
  t.test(`an answer that its origin cut stays cut in every coding, ${name}`, async t => {
    const origin = await rawOrigin((request, socket) => {
      const framing = request.target.startsWith('/length') ? 'Content-Length: 900000' : 'Transfer-Encoding: chunked'
      socket.write(`HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n${framing}\r\n\r\n`)
      const body = words(200_000)
      socket.end(framing.startsWith('C') ? body : chunk(body))
    })
    t.teardown(origin.close)
    const { port } = await compressingApp(t, origin.url, { direct })
    for (const coding of ['gzip', 'br', 'zstd', 'identity']) {
      for (const path of ['/length', '/chunked']) {
        const got = await ask(port, path, { 'Accept-Encoding': coding }).catch((error: Error) => error)
        const isCut = got instanceof Error || !got.isWhole || got.status === 502
        t.ok(isCut, `${path} in ${coding}`)
      }
    }
  })
}

t.test('a body that would be encoded at once is not waited for where its origin pauses', async t => {
  const body = Buffer.from(words(300_000))
  const sockets: Socket[] = []
  const origin = await rawOrigin((_request, socket) => {
    sockets.push(socket)
    socket.write(`HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: ${body.length}\r\n\r\n`)
    socket.write(body.subarray(0, 3_000))
  })
  t.teardown(origin.close)
  const { port } = await compressingApp(t, origin.url)
  for (const coding of ['gzip', 'br', 'zstd']) {
    const client = asking(t, port, coding)
    await client.until(() => readable(client, coding).length >= 3_000, 5_000)
    t.equal(readable(client, coding), body.subarray(0, 3_000).toString(), `${coding}: what has come so far`)
    sockets.at(-1)?.write(body.subarray(3_000))
    await client.until(() => readable(client, coding).length >= body.length, 5_000)
    t.equal(readable(client, coding), body.toString(), `${coding}: and all of it`)
  }
})

t.test('a body whose beginning does not shrink goes out plain, whole and with its length', async t => {
  const random = noise(200_000)
  const origin = await rawOrigin((request, socket) => {
    const body = request.target === '/short' ? random.subarray(0, 5_000) : random
    socket.write(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nETag: "a"\r\nContent-Length: ${body.length}\r\n\r\n`)
    socket.write(body)
  })
  t.teardown(origin.close)
  const { port } = await compressingApp(t, origin.url)
  for (const path of ['/short', '/long']) {
    const got = await ask(port, path, { 'Accept-Encoding': 'br' })
    t.equal(got.headers['content-encoding'], undefined)
    t.equal(got.headers['etag'], '"a"')
    t.equal(got.headers['vary'], 'accept-encoding')
    t.equal(got.headers['content-length'], String(path === '/short' ? 5_000 : random.length))
    t.ok(got.body.equals(path === '/short' ? random.subarray(0, 5_000) : random), path)
  }
})

t.test('the beginning of a long body leaves while the rest is still to come, in every coding', async t => {
  const beginning = words(3_000)
  for (const coding of ['gzip', 'br', 'zstd'] as const) {
    const source = new Readable({ read() {} })
    source.push(Buffer.from(beginning))
    // A ticker that never comes round: only the encoder's own hurry can send it.
    const ticker = new Ticker(1_000_000)
    t.teardown(() => ticker.stop())
    const progress = { bytesIn: 0, bytesOut: 0, cpuMs: 0 }
    const setup = { source, first: Buffer.alloc(0), coding, level: 5, length: null, ticker, progress, onEnd() {} }
    const sent: Buffer[] = []
    for await (const part of on(encodeBody(setup), 'data', { signal: AbortSignal.timeout(5_000) })) {
      sent.push(part[0])
      if (decodedSoFar(Buffer.concat(sent), coding) === beginning) break
    }
    t.pass(coding)
    source.destroy()
  }
})
