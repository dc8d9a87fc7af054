/**
 * What others call gzip, zstd and deflate, in all the forms that their specifications allow, cut at every byte: decoded to
 * the same bytes, or refused, in requests and in answers; never a part for the whole.
 */
import zlib from 'node:zlib'
import t from 'tap'
import { decodeWhole } from '../../../plugins/compression/codec/decoders.ts'
import type { Decodable } from '../../../plugins/compression/rules/types.ts'
import { rawOrigin } from '../../support/raw-origin.ts'
import { decoding, MiB, post, readingOrigin, seen } from './request-bodies.ts'
import { ask, compressingApp, noise, words } from './support.ts'

const { gzipSync: gzip, zstdCompressSync: zstd, brotliCompressSync: br, deflateSync, deflateRawSync } = zlib
const skippable = (bytes: Buffer) => {
  const head = Buffer.alloc(8)
  head.writeUInt32LE(0x184d2a57)
  head.writeUInt32LE(bytes.length, 4)
  return Buffer.concat([head, bytes])
}
const [one, two] = [words(3_000), words(70_000).slice(5_000)]
const both = one + two
const large = noise(300_000)

/** Label, bytes, what they mean. */
const forms: [string, string, Buffer, string | Buffer][] = [
  ['members of gzip (RFC 1952 §2.2)', 'gzip', Buffer.concat([gzip(one), gzip(two)]), both],
  ['an empty member between', 'gzip', Buffer.concat([gzip(one), gzip(''), gzip(two)]), both],
  ['the old name', 'x-gzip', gzip(one), one],
  ['upper case', 'GZip', gzip(one), one],
  ['beside identity', 'identity, gzip', gzip(one), one],
  ['frames of zstd (RFC 8878 §3.1)', 'zstd', Buffer.concat([zstd(one), zstd(two)]), both],
  [
    'many frames',
    'zstd',
    Buffer.concat(
      both
        .match(/[^;]+;?/g)
        ?.slice(0, 200)
        .map(part => zstd(part)) ?? [],
    ),
    (both.match(/[^;]+;?/g)?.slice(0, 200) ?? []).join(''),
  ],
  ['a skippable frame in front', 'zstd', Buffer.concat([skippable(noise(40)), zstd(one)]), one],
  [
    'one between and one behind',
    'zstd',
    Buffer.concat([zstd(one), skippable(noise(900)), zstd(two), skippable(noise(3))]),
    both,
  ],
  ['an empty frame between', 'zstd', Buffer.concat([zstd(one), zstd(''), zstd(two)]), both],
  ['long frames', 'zstd', Buffer.concat([zstd(large), zstd(large)]), Buffer.concat([large, large])],
  ['deflate with the frame of zlib', 'deflate', deflateSync(one), one],
  ['deflate without (RFC 9110 §8.4.1.2)', 'deflate', deflateRawSync(one), one],
  ['a long one without', 'deflate', deflateRawSync(large), large],
  ['a chain', 'gzip, br', br(gzip(one)), one],
  ['twice the same', 'gzip, gzip', gzip(gzip(large)), large],
  [
    'an odd chain',
    'deflate, zstd',
    Buffer.concat([zstd(deflateRawSync(both).subarray(0, 700)), zstd(deflateRawSync(both).subarray(700))]),
    both,
  ],
]

/** Is no body of its label. */
const wrong: [string, string, Buffer][] = [
  ...forms.map(([name, coding, body]): [string, string, Buffer] => [`${name}, cut`, coding, body.subarray(0, -1)]),
  ...forms.map(([name, coding, body]): [string, string, Buffer] => [
    `${name}, cut in the middle`,
    coding,
    body.subarray(0, (body.length >> 1) + 3),
  ]),
  ...forms.map(([name, coding, body]): [string, string, Buffer] => [
    `${name}, with more behind`,
    coding,
    Buffer.concat([body, Buffer.from('xyz')]),
  ]),
  ['a cut skippable frame', 'zstd', Buffer.concat([zstd(one), skippable(noise(90)).subarray(0, 50)])],
  ['text as deflate', 'deflate', Buffer.from(one)],
  ['zlib with a broken sum', 'deflate', Buffer.concat([deflateSync(one).subarray(0, -1), Buffer.from([7])])],
  ['gzip as deflate', 'deflate', gzip(one)],
  ['zlib as gzip', 'gzip', deflateSync(one)],
  ['gzip as br', 'br', gzip(one)],
  ['gzip once for twice', 'gzip, gzip', gzip(one)],
  ['the chain the other way round', 'br, gzip', br(gzip(one))],
  ['more short frames than anybody makes', 'zstd', Buffer.concat(Array.from({ length: 5_000 }, () => zstd('')))],
]

t.test('requests: the app gets the bytes that were meant, or the client 400', async t => {
  const origin = await readingOrigin(t)
  const { port } = await compressingApp(t, origin.url, decoding)
  for (const [name, coding, body, meant] of forms) {
    for (const framing of [{}, { 'Transfer-Encoding': 'chunked' }]) {
      t.equal((await post(port, body, { 'Content-Encoding': coding, ...framing })).status, 200, name)
      t.ok(seen(origin).body.equals(Buffer.from(meant)), name)
      t.equal(seen(origin).headers['content-encoding'], undefined)
    }
  }
  for (const [name, coding, body] of wrong) {
    const before = origin.requests.length
    t.equal((await post(port, body, { 'Content-Encoding': coding })).status, 400, name)
    for (const { complete } of origin.requests.slice(before)) await t.rejects(complete, `${name}: cut for the app`)
  }
})

t.test('answers: the client gets the bytes that were meant, or sees that it does not', async t => {
  const all = [...forms, ...wrong]
  const origin = await rawOrigin(({ target }, socket) => {
    const [, coding = '', body = Buffer.alloc(0)] = all[Number(target.slice(1))] ?? []
    const head = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: ${coding}\r\nTransfer-Encoding: chunked\r\n\r\n`
    socket.write(head)
    const step = target.length % 2 === 0 ? 1_000 : 7_000
    for (let at = 0; at < body.length; at += step) {
      const part = body.subarray(at, at + step)
      socket.write(Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]))
    }
    socket.write('0\r\n\r\n')
  })
  t.teardown(origin.close)
  const { port } = await compressingApp(t, origin.url)
  for (const [i, [name, , , meant]] of forms.entries()) {
    const got = await ask(port, `/${i}`, { 'Accept-Encoding': 'identity' })
    t.equal(got.status, 200, name)
    t.ok(got.isWhole && got.body.equals(Buffer.from(meant)), name)
    t.equal(got.headers['content-encoding'], undefined)
  }
  for (const [i, [name]] of wrong.entries()) {
    const got = await ask(port, `/${forms.length + i}`, { 'Accept-Encoding': 'identity' }).catch(() => null)
    t.ok(got === null || got.status === 502 || !got.isWhole, `${name} ${got?.status}`)
  }
})

t.test('an empty answer is empty in every coding', async t => {
  const origin = await rawOrigin(({ target }, socket) => {
    const framing = target === '/chunked' ? 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n' : 'Content-Length: 0\r\n\r\n'
    socket.write(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n${framing}`)
  })
  t.teardown(origin.close)
  const { port } = await compressingApp(t, origin.url)
  for (const target of ['/chunked', '/length']) {
    const got = await ask(port, target, { 'Accept-Encoding': 'identity' })
    t.equal(got.status, 200, target)
    t.ok(got.isWhole)
    t.equal(got.body.length, 0)
  }
})

t.test('a whole body is decoded whole, within its bound', async t => {
  for (const [name, label, body, meant] of forms) {
    const coding = label.toLowerCase().replace('x-', '')
    if (coding.includes(',')) continue
    const wanted = Buffer.from(meant)
    t.ok((await decodeWhole(body, coding as Decodable, wanted.length)).equals(wanted), name)
    await t.rejects(decodeWhole(body, coding as Decodable, wanted.length - 1), name)
    await t.rejects(decodeWhole(body.subarray(0, -1), coding as Decodable, MiB), `${name}, cut`)
    await t.rejects(
      decodeWhole(Buffer.concat([body, Buffer.from('xyz')]), coding as Decodable, MiB),
      `${name}, and more`,
    )
  }
})

t.test('a chain is held to the bounds of one coding', async t => {
  const origin = await readingOrigin(t)
  const { port } = await compressingApp(t, origin.url, decoding)
  const bomb = gzip(gzip(Buffer.alloc(64 * MiB), { level: 9 }), { level: 9 })
  const got = await post(port, bomb, { 'Content-Encoding': 'gzip, gzip' })
  t.equal(got.status, 413)
  t.match(got.body.toString(), /HG_BODY_BOMB/)
  const many = Buffer.concat(Array.from({ length: 40 }, () => zstd(Buffer.alloc(1 * MiB))))
  t.equal((await post(port, many, { 'Content-Encoding': 'zstd' })).status, 413, 'frames count together')
})
