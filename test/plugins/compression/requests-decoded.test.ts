/**
 * Coded bodies of requests for an app that reads none: decoded within bounds, as they come, and true on the wire.
 */
import zlib from 'node:zlib'
import t from 'tap'
import { RATIO_FREE_BYTES } from '../../../plugins/compression/requests/recoders.ts'
import { RawClient } from '../../support/raw-client.ts'
import { answer, rawOrigin } from '../../support/raw-origin.ts'
import { codings, decoding, encoders, MiB, post, readingOrigin, seen, type Teardown } from './request-bodies.ts'
import { type CompressingApp, compressingApp, noise, words } from './support.ts'

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
          // What is whole soon has a length by then, however it came.
          const isHeld = size <= 5_000
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
    for (const coding of ['compress', 'aes128gcm', 'gzip, exi', 'gzip, gzip, gzip']) {
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
