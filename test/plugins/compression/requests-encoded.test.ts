/**
 * Bodies of requests for an app that asks for a coding: encoded, and sent plain where it is not meant.
 */
import zlib from 'node:zlib'
import t from 'tap'
import { MAX_REPLAY_BYTES } from '../../../plugins/compression/requests/recoders.ts'
import { RawClient } from '../../support/raw-client.ts'
import { answer, type RawRequest, rawOrigin } from '../../support/raw-origin.ts'
import { codings, decoders, MiB, post, readingOrigin, seen, type Wishes } from './request-bodies.ts'
import { compressingApp, noise, words } from './support.ts'

/** Asks for these codings in its answers. */
const advertising = (value: string) => () =>
  answer(200, { 'Content-Type': 'text/plain', 'Accept-Encoding': value, 'Cache-Control': 'no-store' }, 'yes')

t.test(
  'a resource that asks for a coding gets the next body in it, and no other resource does (RFC 9110 §12.5.3)',
  async t => {
    for (const coding of codings) {
      const origin = await readingOrigin(t, advertising(`deflate, ${coding};q=0.9`))
      const { port } = await compressingApp(t, origin.url)
      for (const size of [20_000, 300_000]) {
        const plain = Buffer.from(words(size))
        const target = `/notes/${size}`
        await post(port, plain, {}, target)
        t.equal(seen(origin).headers['content-encoding'], undefined, 'nobody has asked yet')
        t.equal((await post(port, plain, {}, target)).status, 200)
        const { headers, body } = seen(origin)
        t.equal(headers['content-encoding'], coding)
        t.ok(decoders[coding](body).equals(plain), `${coding} ${size}`)
        t.ok(body.length < size / 3)
        t.equal(headers['content-length'], size === 20_000 ? String(body.length) : undefined)
        await post(port, plain, {}, `${target}?other`)
        t.equal(seen(origin).headers['content-encoding'], undefined, 'another resource')
      }
    }
  },
)

t.test('bodies that gain nothing, or are somebody else`s to encode, go as they came', async t => {
  const origin = await readingOrigin(t, advertising('gzip'))
  const { port } = await compressingApp(t, origin.url)
  const text = Buffer.from(words(30_000))
  const noisy = noise(30_000)
  await post(port, text, {})
  await post(port, text, {})
  t.equal(seen(origin).headers['content-encoding'], 'gzip', 'it would be')
  const cases: [string, Buffer, Record<string, string>][] = [
    ['small', Buffer.from(words(1_000)), {}],
    ['a type that does not shrink', text, { 'Content-Type': 'image/jpeg' }],
    ['a form with files', text, { 'Content-Type': 'multipart/form-data; boundary=a' }],
    ['a pack of git', text, { 'Content-Type': 'application/x-git-receive-pack-request' }],
    ['no type', text, { 'Content-Type': '' }],
    ['no-transform', text, { 'Cache-Control': 'no-transform' }],
    ['a part', text, { 'Content-Range': 'bytes 0-29999/90000' }],
    ['a digest', text, { 'Content-Digest': 'sha-256=:AA==:' }],
    ['a signature', text, { 'x-amz-content-sha256': 'aa' }],
    ['a stream', Buffer.from(words(100_000)), { 'Transfer-Encoding': 'chunked' }],
    ['encoded by the client', text, { 'Content-Encoding': 'deflate' }],
    ['what does not shrink after all', noisy, {}],
  ]
  for (const [name, body, fields] of cases) {
    t.equal((await post(port, body, fields)).status, 200, name)
    t.ok(seen(origin).body.equals(body), name)
    t.equal(seen(origin).headers['content-encoding'], fields['Content-Encoding'], name)
    if (!('Transfer-Encoding' in fields)) t.equal(seen(origin).headers['content-length'], String(body.length), name)
  }
})

/** Refuses bodies with a coding, with these fields. */
const refusing =
  (fields: Record<string, string> = {}) =>
  (request: RawRequest) =>
    request.headers['content-encoding'] === undefined ? null : answer(415, fields, 'no')

const unasked = (...encode: string[]): Wishes => ({ compression: { requests: { encode } } as never })

t.test(
  'a route can say that its app reads a coding; refused with 415 the body is sent plain, once, and it is remembered',
  async t => {
    const origin = await readingOrigin(t, refusing())
    const { port } = await compressingApp(t, origin.url, unasked('gzip'))
    for (const size of [20_000, 300_000]) {
      const plain = Buffer.from(words(size))
      const before = origin.requests.length
      const got = await post(port, plain, {}, `/${size}`)
      t.equal(got.status, 200, 'the client sees nothing of it')
      t.equal(got.body.toString(), 'thanks')
      const [first, second, ...more] = origin.requests.slice(before)
      t.equal(first?.headers['content-encoding'], 'gzip')
      t.equal(second?.headers['content-encoding'], undefined)
      t.equal(second?.headers['content-length'], String(size))
      t.ok(second?.body.equals(plain))
      t.equal(more.length, 0)
      await post(port, plain, {}, `/${size}`)
      t.equal(origin.requests.length, before + 3, 'plain at once')
      t.equal(seen(origin).headers['content-encoding'], undefined)
    }
  },
)

t.test('a refusal that names another coding is followed; one of a type is not taken for one of a coding', async t => {
  const naming = await readingOrigin(t, request =>
    request.headers['content-encoding'] === 'gzip' ? answer(415, { 'Accept-Encoding': 'br' }, 'no') : null,
  )
  const plain = Buffer.from(words(20_000))
  const either = await compressingApp(t, naming.url, unasked('gzip', 'brotli'))
  for (let i = 0; i < 2; i++) t.equal((await post(either.port, plain, {})).status, 200)
  t.strictSame(
    naming.requests.map(({ headers }) => headers['content-encoding']),
    ['gzip', undefined, 'br'],
  )
  const always = await readingOrigin(t, () => answer(415, {}, 'not this type'))
  const { port } = await compressingApp(t, always.url, unasked('gzip'))
  for (let i = 0; i < 2; i++) t.equal((await post(port, plain, {})).status, 415, 'the client is told')
  t.strictSame(
    always.requests.map(({ headers }) => headers['content-encoding']),
    ['gzip', undefined, 'gzip', undefined],
  )
})

t.test('a refusal by the head alone is answered by the plain body, however long it is', async t => {
  const bodies: Buffer[] = []
  const origin = await rawOrigin((request, socket) => {
    if (request.headers['content-encoding'] !== undefined) return void socket.write(answer(415, {}, 'no'))
    request.complete.then(body => {
      bodies.push(body)
      socket.write(answer(200, {}, 'thanks'))
    })
  })
  t.teardown(origin.close)
  const { port } = await compressingApp(t, origin.url, unasked('gzip'))
  const plain = Buffer.from(words(6 * MiB))
  const client = new RawClient(port)
  t.teardown(() => client.close())
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: ${plain.length}\r\n\r\n`)
  client.send(plain.subarray(0, 200_000))
  while (origin.requests.length < 2) await new Promise(resolve => setTimeout(resolve, 5))
  client.send(plain.subarray(200_000))
  t.equal((await client.answer('POST', 20_000)).status, 200)
  t.ok(bodies[0]?.equals(plain))
})

t.test('where too much was read to send it again the client may come back, and gets through then', async t => {
  const origin = await readingOrigin(t, refusing())
  const { port } = await compressingApp(t, origin.url, unasked('gzip'))
  const plain = Buffer.from(words(MAX_REPLAY_BYTES + 200_000))
  const got = await post(port, plain, {})
  t.equal(got.status, 503, 'not a 415 for a coding that the client has not used')
  t.ok(got.headers['retry-after'])
  t.match(got.body.toString(), /HG_BODY_RECODED/)
  t.equal((await post(port, plain, {})).status, 200)
  t.ok(seen(origin).body.equals(plain))
})

t.test('an upload that pauses is not held back by its encoder', async t => {
  const origin = await rawOrigin(() => {})
  t.teardown(origin.close)
  const { port } = await compressingApp(t, origin.url, unasked('gzip'))
  const plain = Buffer.from(words(200_000))
  const client = new RawClient(port)
  t.teardown(() => client.close())
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: ${plain.length}\r\n\r\n`)
  client.send(plain.subarray(0, 70_001))
  const read = () => {
    const body = origin.requests[0]?.body ?? Buffer.alloc(0)
    return body.length === 0 ? 0 : zlib.gunzipSync(body, { finishFlush: zlib.constants.Z_SYNC_FLUSH }).length
  }
  const deadline = Date.now() + 5_000
  while (read() < 70_001 && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 5))
  t.equal(read(), 70_001)
})
