/**
 * Bodies of requests on their way to an app: decoded for one that cannot, encoded for one that can, and true on the wire
 * either way. Real sockets on both sides.
 */
import zlib from 'node:zlib'
import t from 'tap'
import { MAX_REPLAY_BYTES, RATIO_FREE_BYTES } from '../../../plugins/compression/requests/recoders.ts'
import { exchange, type RawAnswer, RawClient } from '../../support/raw-client.ts'
import { answer, type RawRequest, rawOrigin } from '../../support/raw-origin.ts'
import { type CompressingApp, compressingApp, noise, words } from './support.ts'

type Wishes = Parameters<typeof compressingApp>[2]
type Teardown = Parameters<typeof compressingApp>[0]

const encoders = {
  gzip: (body: Buffer | string) => zlib.gzipSync(body),
  br: (body: Buffer | string) =>
    zlib.brotliCompressSync(body, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 3 } }),
  zstd: (body: Buffer | string) => zlib.zstdCompressSync(body),
}
const decoders = {
  gzip: (body: Buffer) => zlib.gunzipSync(body),
  br: (body: Buffer) => zlib.brotliDecompressSync(body),
  zstd: (body: Buffer) => zlib.zstdDecompressSync(body),
}
const codings = ['gzip', 'br', 'zstd'] as const
const decoding: Wishes = { compression: { requests: { decode: true } } as never }
const MiB = 1024 ** 2

/** An origin that reads each body to its end, and says yes by `reply` or with these fields. */
async function readingOrigin(t: Teardown, reply: (request: RawRequest) => Buffer | null = () => null) {
  const origin = await rawOrigin((request, socket) => {
    request.complete.then(
      () => socket.write(reply(request) ?? answer(200, { 'Content-Type': 'text/plain' }, 'thanks')),
      () => {},
    )
  })
  t.teardown(origin.close)
  return origin
}

function post(port: number, body: Buffer, fields: Record<string, string>, target = '/notes'): Promise<RawAnswer> {
  const lines = Object.entries({ Host: 'home.test', 'Content-Type': 'application/json', ...fields })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const isChunked = fields['Transfer-Encoding'] === 'chunked'
  const framing = isChunked ? '' : `Content-Length: ${body.length}\r\n`
  const bytes = isChunked ? chunked(body) : body
  return exchange(port, Buffer.concat([Buffer.from(`POST ${target} HTTP/1.1\r\n${head}${framing}\r\n`), bytes]))
}

function chunked(body: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < body.length; at += 10_000) {
    const part = body.subarray(at, at + 10_000)
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'))
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')])
}

const seen = ({ requests }: { requests: RawRequest[] }, at = -1) => requests.at(at) as RawRequest

t.test(
  'a coded body reaches an app that reads none as it was meant, in every coding, short, long and chunked',
  async t => {
    const origin = await readingOrigin(t)
    const { port } = await compressingApp(t, origin.url, decoding)
    for (const coding of codings) {
      for (const size of [0, 40, 5_000, 300_000]) {
        for (const framing of [{}, { 'Transfer-Encoding': 'chunked' }]) {
          const plain = Buffer.from(words(size))
          const name = `${coding} ${size} ${JSON.stringify(framing)}`
          const got = await post(port, encoders[coding](plain), { 'Content-Encoding': coding, ...framing })
          t.equal(got.status, 200, name)
          const { headers, body } = seen(origin)
          t.ok(body.equals(plain), name)
          t.equal(headers['content-encoding'], undefined, name)
          const isHeld = size <= 5_000 && !('Transfer-Encoding' in framing)
          t.equal(headers['content-length'], isHeld ? String(size) : undefined, `${name}: a length where it is known`)
        }
      }
    }
  },
)

t.test('digests of the coded bytes do not reach an app that gets others', async t => {
  const origin = await readingOrigin(t)
  const { port } = await compressingApp(t, origin.url, decoding)
  const digests = {
    'Content-Digest': 'sha-256=:AA==:',
    'Repr-Digest': 'sha-256=:AA==:',
    'Content-MD5': 'AA==',
    Digest: 'a',
  }
  const got = await post(port, zlib.gzipSync(words(2_000)), {
    'Content-Encoding': 'x-gzip',
    'X-Own': 'stays',
    ...digests,
  })
  t.equal(got.status, 200)
  for (const name of Object.keys(digests)) t.equal(seen(origin).headers[name.toLowerCase()], undefined, name)
  t.equal(seen(origin).headers['x-own'], 'stays')
})

t.test(
  'a coding that is not read here gets 415 with those that are, and the app nothing (RFC 9110 §15.5.16)',
  async t => {
    const origin = await readingOrigin(t)
    const { port } = await compressingApp(t, origin.url, decoding)
    for (const coding of ['deflate', 'compress', 'aes128gcm', 'gzip, br', 'gzip, gzip']) {
      const got = await post(port, Buffer.from('x'), { 'Content-Encoding': coding })
      t.equal(got.status, 415, coding)
      t.equal(got.headers['accept-encoding'], 'zstd, br, gzip', coding)
      t.match(got.body.toString(), /HG_BODY_CODING/, coding)
    }
    t.equal(origin.requests.length, 0)
    t.equal((await post(port, Buffer.from('{}'), { 'Content-Encoding': 'identity' })).status, 200, 'identity is none')
  },
)

t.test('what may not be changed is not, and without the option nothing is', async t => {
  const origin = await readingOrigin(t)
  const { port } = await compressingApp(t, origin.url, decoding)
  const plain = await compressingApp(t, origin.url)
  const body = zlib.gzipSync(words(3_000))
  await post(port, body, { 'Content-Encoding': 'gzip', 'Cache-Control': 'no-transform' })
  t.ok(seen(origin).body.equals(body))
  t.equal(seen(origin).headers['content-encoding'], 'gzip')
  await post(plain.port, body, { 'Content-Encoding': 'gzip' })
  t.ok(seen(origin).body.equals(body), 'as git sends it')
  t.equal(seen(origin).headers['content-encoding'], 'gzip')
})

t.test('a body that is not of its coding gets 400, and no app takes its beginning for all of it', async t => {
  const origin = await readingOrigin(t)
  const { port } = await compressingApp(t, origin.url, decoding)
  const long = noise(400_000)
  const bad: [string, string, Buffer][] = [
    ['rubbish', 'gzip', Buffer.from('this is no gzip at all')],
    ['rubbish', 'br', noise(200)],
    ['rubbish', 'zstd', noise(200)],
    ...codings.map((coding): [string, string, Buffer] => [
      'short, cut',
      coding,
      encoders[coding](words(900)).subarray(0, -5),
    ]),
    ...codings.map((coding): [string, string, Buffer] => ['long, cut', coding, encoders[coding](long).subarray(0, -5)]),
    ...codings.map((coding): [string, string, Buffer] => [
      'more behind it',
      coding,
      Buffer.concat([encoders[coding](words(900)), Buffer.from('more')]),
    ]),
    // Node stops behind the first frame and says nothing.
    ['a second frame', 'zstd', Buffer.concat([encoders.zstd('one'), encoders.zstd('two')])],
  ]
  for (const [name, coding, body] of bad) {
    const got = await post(port, body, { 'Content-Encoding': coding })
    t.equal(got.status, 400, `${name}, ${coding}`)
    t.match(got.body.toString(), /HG_BODY_BROKEN/)
  }
  for (const { complete } of origin.requests) await t.rejects(complete, 'what reached the app was cut')
  const twice = Buffer.concat([zlib.gzipSync('one'), zlib.gzipSync('two')])
  t.equal((await post(port, twice, { 'Content-Encoding': 'gzip' })).status, 200)
  t.equal(seen(origin).body.toString(), 'onetwo', 'members of gzip are one body (RFC 1952 §2.2)')
})

t.test('a bomb gets 413: by size, by ratio, by the limit of the route, and by the window it asks for', async t => {
  const origin = await readingOrigin(t)
  const zeros = Buffer.alloc(40 * MiB)
  const app = (requests: object, bodySize?: number) => bombApp(t, origin.url, requests, bodySize)
  const byRatio = await app({ decode: true, maxRatio: 50 })
  const bySize = await app({ decode: true, maxRatio: 1_000_000, maxSize: 2 * MiB })
  const byRoute = await app({ decode: true, maxRatio: 1_000_000 }, 3 * MiB)
  for (const coding of codings) {
    const bomb = encoders[coding](zeros)
    const fields = { 'Content-Encoding': coding }
    t.match((await post(byRatio.port, bomb, fields)).body.toString(), /413.*HG_BODY_BOMB/, coding)
    t.match((await post(bySize.port, bomb, fields)).body.toString(), /413.*HG_BODY_TOO_LARGE.*2097152/, coding)
    t.match((await post(byRoute.port, bomb, fields)).body.toString(), /413.*HG_BODY_TOO_LARGE.*3145728/, coding)
  }
  for (const { complete } of origin.requests) await t.rejects(complete)
  const page = Buffer.alloc(RATIO_FREE_BYTES - 1)
  t.equal((await post(byRatio.port, encoders.br(page), { 'Content-Encoding': 'br' })).status, 200, 'blanks are no bomb')
  const wide = zlib.zstdCompressSync(Buffer.concat([noise(9 * MiB), noise(9 * MiB)]), {
    params: { [zlib.constants.ZSTD_c_windowLog]: 27 },
  })
  t.equal((await post(bySize.port, wide, { 'Content-Encoding': 'zstd' })).status, 400, 'a window of 128 MiB')
})

async function bombApp(t: Teardown, url: string, requests: object, bodySize?: number): Promise<CompressingApp> {
  return compressingApp(t, url, {
    compression: { requests } as never,
    ...(bodySize === undefined ? {} : { proxy: { bodySize } }),
  })
}

t.test('each part of a dripping coded body reaches the app when it is there', async t => {
  const origin = await rawOrigin(() => {})
  t.teardown(origin.close)
  const { port } = await compressingApp(t, origin.url, decoding)
  const gzip = zlib.createGzip()
  const client = new RawClient(port)
  t.teardown(() => client.close())
  client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n')
  gzip.on('data', (part: Buffer) =>
    client.send(Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')])),
  )
  for (const text of ['first', 'firstsecond']) {
    gzip.write(text.slice(-6).replace(/^t/, ''))
    gzip.flush()
    const deadline = Date.now() + 5_000
    while (origin.requests[0]?.body.toString() !== text && Date.now() < deadline)
      await new Promise(resolve => setTimeout(resolve, 2))
    t.equal(origin.requests[0]?.body.toString(), text)
  }
})

t.test('a client that waits for 100 gets it when an app reads, and its coded body arrives', async t => {
  const origin = await readingOrigin(t)
  const { port } = await compressingApp(t, origin.url, decoding)
  const body = zlib.gzipSync(words(3_000))
  const client = new RawClient(port)
  t.teardown(() => client.close())
  client.send(
    `POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`,
  )
  await client.until(text => text.startsWith('HTTP/1.1 100 '))
  while (origin.requests.length === 0) await new Promise(resolve => setTimeout(resolve, 2))
  client.send(body)
  t.equal((await client.answer()).status, 200)
  t.equal(seen(origin).body.toString(), words(3_000))
})

t.test('a client that leaves in the middle of a coded body takes the request to the app with it', async t => {
  const origin = await rawOrigin(({ method }, socket) => {
    if (method === 'GET') socket.write(answer(200, {}, 'here'))
  })
  t.teardown(origin.close)
  const { port, url } = await compressingApp(t, origin.url, decoding)
  const body = zlib.gzipSync(noise(500_000))
  const client = new RawClient(port)
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`)
  client.send(body.subarray(0, 300_000))
  while ((origin.requests[0]?.body.length ?? 0) < 100_000) await new Promise(resolve => setTimeout(resolve, 5))
  client.close()
  await t.rejects(origin.requests[0]?.complete ?? Promise.resolve())
  t.equal(await (await fetch(url)).text(), 'here', 'the gateway lives on')
})

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
    ['a stream', text, { 'Transfer-Encoding': 'chunked' }],
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
