/**
 * Request bodies under attack: origins that answer early, clients that leave, refusals in the middle, and heads that make
 * a body somebody else's affair.
 */
import { PassThrough } from 'node:stream'
import zlib from 'node:zlib'
import t from 'tap'
import { type FirstBlock, readFirstBlock } from '../../../plugins/compression/codec/first-block.ts'
import type { Ticked, Ticker } from '../../../plugins/compression/codec/ticker.ts'
import { RawClient } from '../../support/raw-client.ts'
import { answer, rawOrigin } from '../../support/raw-origin.ts'
import { codings, counted, decoding, encoders, MiB, post, readingOrigin, seen, type Wishes } from './request-bodies.ts'
import { compressingApp, noise, words } from './support.ts'

const unasked = (...encode: string[]): Wishes => ({ compression: { requests: { encode } } as never })
const head = (fields: string, length: number | string) =>
  `POST /notes HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n${fields}Content-Length: ${length}\r\n\r\n`
const wait = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 5_000
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(what)
    await wait(2)
  }
}

t.test('an origin that answers by the head alone is heard while the body is still held or under way', async t => {
  const origin = await rawOrigin((_request, socket) => void socket.write(answer(413, { 'X-Own': 'yes' }, 'too much')))
  t.teardown(origin.close)
  for (const [name, wishes, fields, body] of [
    ['decoded, held', decoding, 'Content-Encoding: gzip\r\n', zlib.gzipSync(noise(20_000))],
    ['encoded, held', unasked('gzip'), '', Buffer.from(words(20_000))],
    ['decoded, streamed', decoding, 'Content-Encoding: gzip\r\n', zlib.gzipSync(noise(900_000))],
    ['encoded, streamed', unasked('gzip'), '', Buffer.from(words(900_000))],
  ] as const) {
    const { port } = await compressingApp(t, origin.url, wishes)
    const client = new RawClient(port)
    t.teardown(() => client.close())
    client.send(head(fields, body.length)).send(body.subarray(0, 500))
    const got = await client.answer('POST')
    t.equal(got.status, 413, name)
    t.equal(got.body.toString(), 'too much', name)
  }
})

t.test('a client that leaves in the middle is not counted as one whose body was encoded or decoded', async t => {
  for (const [wishes, fields, body] of [
    [unasked('gzip'), '', Buffer.from(words(900_000))],
    [decoding, 'Content-Encoding: gzip\r\n', zlib.gzipSync(noise(900_000))],
    [unasked('gzip'), '', Buffer.from(words(30_000))],
    [decoding, 'Content-Encoding: gzip\r\n', zlib.gzipSync(noise(30_000))],
  ] as const) {
    const origin = await rawOrigin(() => {})
    t.teardown(origin.close)
    const { app, port } = await compressingApp(t, origin.url, wishes)
    const client = new RawClient(port)
    client.send(head(fields, body.length)).send(body.subarray(0, body.length - 300))
    if (body.length > 100_000) await until(() => (origin.requests[0]?.body.length ?? 0) > 10, 'nothing came')
    else await wait(50)
    client.close()
    await until(
      () =>
        counted(app, 'compression_requests_left_total').length > 0 ||
        counted(app, 'compression_requests_total').length > 0,
      'not counted',
    )
    t.strictSame(counted(app, 'compression_requests_total'), [], `${fields} ${body.length}`)
    t.match(counted(app, 'compression_requests_left_total'), [[String, 'unfinished', 1]])
  }
})

t.test('a refusal at any moment of the upload brings the app every byte of the plain body once', async t => {
  const plain = Buffer.from(words(700_000))
  for (const after of [0, 1, 20_000, 60_000]) {
    for (const pace of [1_000, 50_000, 700_000]) {
      const bodies: Buffer[] = []
      const origin = await rawOrigin((request, socket) => {
        if (request.headers['content-encoding'] === undefined) {
          request.complete.then(body => {
            bodies.push(body)
            socket.write(answer(200, {}, 'thanks'))
          })
          return
        }
        const timer = setInterval(() => {
          if (request.body.length < after) return
          clearInterval(timer)
          socket.write(answer(415, {}, 'no'))
        }, 1)
        socket.on('close', () => clearInterval(timer))
      })
      t.teardown(origin.close)
      const { port } = await compressingApp(t, origin.url, unasked('gzip'))
      const client = new RawClient(port)
      t.teardown(() => client.close())
      client.send(head('', plain.length))
      for (let at = 0; at < plain.length; at += pace) {
        client.send(plain.subarray(at, at + pace))
        if (at % 20_000 === 0) await wait(1)
      }
      t.equal((await client.answer('POST')).status, 200, `${after} ${pace}`)
      t.ok(bodies[0]?.equals(plain), `${after} ${pace}`)
    }
  }
})

t.test('a client that leaves while the plain body is sent again takes the request with it', async t => {
  const origin = await rawOrigin((request, socket) => {
    if (request.headers['content-encoding'] !== undefined) socket.write(answer(415, {}, 'no'))
  })
  t.teardown(origin.close)
  const { app, port } = await compressingApp(t, origin.url, unasked('gzip'))
  const client = new RawClient(port)
  client.send(head('', 900_000)).send(words(200_000))
  await until(() => origin.requests.length === 2, 'not sent again')
  client.close()
  await t.rejects(origin.requests[1]?.complete ?? Promise.resolve())
  await until(() => counted(app, 'compression_requests_left_total').length > 0, 'not counted')
  t.match(counted(app, 'compression_requests_left_total'), [[String, 'sent-plain', 1]])
})

t.test('a held body is let go when its client is silent: it may wait for an answer', async t => {
  const source = new PassThrough()
  const waiting: Ticked[] = []
  const ticker = { add: (member: Ticked) => waiting.push(member), delete: () => {} } as unknown as Ticker
  const begun = performance.now()
  const blocks: (FirstBlock | null)[] = []
  readFirstBlock(source, { limit: 1_000, holdMs: 1_000, idleMs: 200 }, ticker, (_error, block) => blocks.push(block))
  source.write('begin')
  await wait(5)
  const [reader] = waiting
  reader?.tick(begun + 190)
  t.equal(blocks.length, 0)
  reader?.tick(performance.now() + 201)
  t.match(blocks, [{ isWhole: false }])
  t.equal(blocks[0]?.bytes.toString(), 'begin')
})

t.test('signed requests and parts of uploads reach the app as they were sent, to the byte', async t => {
  const origin = await readingOrigin(t)
  const plain = Buffer.from(words(3_000))
  const both = { compression: { requests: { decode: true, encode: ['gzip'] } } as never }
  const { port } = await compressingApp(t, origin.url, both)
  const cases: Record<string, string>[] = [
    { Signature: 'sig1=:AA==:', 'Signature-Input': 'sig1=("content-digest" "content-encoding")' },
    { Authorization: 'AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=b' },
    { 'X-Amz-Content-Sha256': 'UNSIGNED-PAYLOAD' },
    { Authorization: 'Signature keyId="a"' },
    { 'Content-Range': 'bytes 0-99/200' },
    { 'Tus-Resumable': '1.0.0', 'Upload-Offset': '0' },
    { 'Upload-Complete': '?0' },
    { 'OC-Chunked': '1', 'OC-Total-Length': '9000' },
    { 'X-Update-Range': 'append' },
  ]
  for (const fields of cases) {
    for (const coding of [null, 'gzip'] as const) {
      const body = coding === null ? plain : encoders[coding](plain)
      const own = { 'Content-Digest': 'sha-256=:AA==:', ...(coding === null ? {} : { 'Content-Encoding': coding }) }
      t.equal((await post(port, body, { ...own, ...fields })).status, 200)
      const name = `${Object.keys(fields)} ${coding}`
      t.ok(seen(origin).body.equals(body), name)
      t.equal(seen(origin).headers['content-encoding'], coding ?? undefined, name)
      t.equal(seen(origin).headers['content-digest'], 'sha-256=:AA==:', name)
      t.equal(seen(origin).headers['content-length'], String(body.length), name)
      for (const [field, value] of Object.entries(fields)) t.equal(seen(origin).headers[field.toLowerCase()], value)
    }
  }
  await post(port, plain, { Authorization: 'Bearer aws4-', 'If-Match': '"a"' })
  t.equal(seen(origin).headers['content-encoding'], 'gzip', 'others are')
})

t.test('an empty body is empty in every coding', async t => {
  const origin = await readingOrigin(t)
  const { port } = await compressingApp(t, origin.url, decoding)
  for (const coding of codings) {
    for (const framing of [{}, { 'Transfer-Encoding': 'chunked' }]) {
      const got = await post(port, Buffer.alloc(0), { 'Content-Encoding': coding, ...framing })
      t.equal(got.status, 200, `${coding} ${JSON.stringify(framing)}`)
      t.equal(seen(origin).body.length, 0)
    }
  }
})

t.test(
  'an origin that dies in the middle is a failure of the origin, and the slot of the decoder is free again',
  async t => {
    const origin = await rawOrigin((request, socket) => {
      if (request.target === '/whole') return void request.complete.then(() => socket.write(answer(200, {}, 'ok')))
      setTimeout(() => socket.destroy(), 5)
    })
    t.teardown(origin.close)
    const { port } = await compressingApp(t, origin.url, decoding)
    const body = zlib.gzipSync(noise(3 * MiB))
    for (let i = 0; i < 40; i++) {
      const client = new RawClient(port)
      client.send(head('Content-Encoding: gzip\r\n', body.length)).send(body.subarray(0, 100_000 + i))
      const got = await client.answer('POST')
      t.equal(got.status, 502)
      client.close()
    }
    t.equal((await post(port, zlib.gzipSync('x'), { 'Content-Encoding': 'gzip' }, '/whole')).status, 200)
  },
)
