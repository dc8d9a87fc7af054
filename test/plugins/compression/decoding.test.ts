/**
 * Answers that their origin has encoded, for clients that cannot take that coding: decoded on the way, with a head that
 * says so, from the origin and from the store.
 */
import { get } from 'node:http'
import zlib from 'node:zlib'
import t from 'tap'
import { MAX_ANSWER_RATIO } from '../../../plugins/compression/answer/decoded-answer.ts'
import { rememberedNeed } from '../../../plugins/compression/rules/accept-encoding.ts'
import { readAnswerFields } from '../../../plugins/compression/rules/answer-fields.ts'
import { type DecodingQuestion, decideDecoding } from '../../../plugins/compression/rules/decide-decoding.ts'
import { waysOut } from '../../support/bare-app.ts'
import { answer, rawOrigin } from '../../support/raw-origin.ts'
import { ask, compressingApp, decoded, noise, words } from './support.ts'

const encoders = {
  gzip: (body: Buffer | string) => zlib.gzipSync(body),
  br: (body: Buffer | string) =>
    zlib.brotliCompressSync(body, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 3 } }),
  zstd: (body: Buffer | string) => zlib.zstdCompressSync(body),
}
type Coding = keyof typeof encoders
const codings: readonly Coding[] = ['gzip', 'br', 'zstd']

t.test('an encoded answer is decoded, or left for one reason', async t => {
  const whole: DecodingQuestion = {
    status: 200,
    fields: readAnswerFields(['Content-Encoding', 'gzip']),
    hasTrailers: false,
    accept: 'br',
    noTransform: false,
    isFull: false,
  }
  const fields = (...lines: string[]) => ({ fields: readAnswerFields(lines) })
  const cases: [string, Partial<DecodingQuestion>, string, boolean?][] = [
    ['it takes another', {}, 'gzip'],
    ['it takes none', { accept: '' }, 'gzip'],
    ['it takes plain bytes', { accept: 'identity' }, 'gzip'],
    ['all but this', { accept: 'gzip;q=0, *' }, 'gzip'],
    ['an error page', { status: 404 }, 'gzip'],
    ['an old name', fields('content-encoding', 'X-GZIP'), 'gzip'],
    ['it takes it', { accept: 'br, gzip;q=0.1' }, 'acceptable', true],
    ['it takes any', { accept: '*' }, 'acceptable', true],
    ['it says nothing, which is any', { accept: undefined }, 'acceptable', true],
    ['it takes not even plain bytes', { accept: 'br, identity;q=0' }, 'acceptable', true],
    ['nor any other', { accept: 'br, *;q=0' }, 'acceptable', true],
    ['the request forbids it', { noTransform: true }, 'no-transform', true],
    ['too many at once', { isFull: true }, 'busy', true],
    [
      'the answer forbids it',
      fields('Content-Encoding', 'gzip', 'Cache-Control', 'no-transform'),
      'no-transform',
      false,
    ],
    ['a part', { status: 206 }, 'range', false],
    ['a part by its field', fields('Content-Encoding', 'gzip', 'Content-Range', 'bytes 0-1/2'), 'range', false],
    ['a chain', fields('Content-Encoding', 'gzip, deflate'), 'gzip,deflate'],
    ['a chain that it takes', { ...fields('Content-Encoding', 'br, br'), accept: 'br' }, 'acceptable', true],
    ['a chain of which it takes one', { ...fields('Content-Encoding', 'gzip, br'), accept: 'br' }, 'gzip,br'],
    ['a long chain', fields('Content-Encoding', 'gzip, gzip, gzip'), 'coding', false],
    ['a chain with another', fields('Content-Encoding', 'exi, gzip'), 'coding', false],
    ['another coding', fields('Content-Encoding', 'compress'), 'coding', false],
    ['trailers', { hasTrailers: true }, 'trailers', false],
    ['not modified', { status: 304 }, 'status', false],
  ]
  for (const [name, differs, wanted, isNegotiable] of cases) {
    const decision = decideDecoding({ ...whole, ...differs }, rememberedNeed())
    t.equal(decision.decode ? decision.codings.join() : decision.reason, wanted, name)
    if (!decision.decode) t.equal(decision.isNegotiable, isNegotiable, name)
  }
})

for (const { name, direct } of waysOut) {
  t.test(`a client that cannot take the coding gets the plain bytes, whatever their length: ${name}`, async t => {
    const origin = await rawOrigin(({ target }, socket) => {
      const [, coding = '', size = ''] = target.split('/')
      const body = encoders[coding as Coding](words(Number(size)))
      const fields = { 'Content-Type': 'image/png', 'Content-Encoding': coding, ETag: '"v1"', 'Accept-Ranges': 'bytes' }
      socket.write(answer(200, { ...fields, 'Repr-Digest': 'sha-256=:AA==:' }, body))
    })
    t.teardown(origin.close)
    const { port } = await compressingApp(t, origin.url, { direct })
    for (const coding of codings) {
      for (const size of [10, 4_000, 900_000]) {
        const path = `/${coding}/${size}`
        const plain = await ask(port, path, { 'Accept-Encoding': 'identity' })
        t.equal(plain.body.toString(), words(size), path)
        t.ok(plain.isWhole)
        t.equal(plain.headers['content-encoding'], undefined)
        t.equal(plain.headers['etag'], '"v1~hg-decoded"', 'other bytes, another tag')
        t.equal(plain.headers['vary'], 'accept-encoding')
        t.equal(plain.headers['accept-ranges'], undefined)
        t.equal(plain.headers['repr-digest'], undefined)
        const coded = await ask(port, path, { 'Accept-Encoding': coding })
        t.equal(coded.headers['content-encoding'], coding)
        t.equal(decoded(coded).toString(), words(size))
        t.equal(coded.headers['etag'], '"v1"')
        t.equal(coded.headers['vary'], 'accept-encoding', 'another client would get other bytes')
        t.equal(coded.headers['repr-digest'], 'sha-256=:AA==:')
        const head = await ask(port, path, { 'Accept-Encoding': 'identity' }, 'HEAD')
        t.equal(head.headers['etag'], plain.headers['etag'], 'HEAD says what GET would')
        t.equal(head.headers['content-encoding'], undefined)
        t.equal(head.headers['content-length'], undefined)
      }
    }
  })
}

t.test('the tag of a decoded answer names the one of the origin', async t => {
  const origin = await rawOrigin(({ headers, method }, socket) => {
    if (method === 'PUT') return void socket.write(answer(headers['if-match'] === '"v1"' ? 204 : 412, {}))
    const fields = { 'Content-Type': 'text/plain', 'Content-Encoding': 'gzip', ETag: '"v1"' }
    if (headers['if-none-match'] === '"v1"') return void socket.write('HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\n\r\n')
    socket.write(answer(200, fields, encoders.gzip('x')))
  })
  t.teardown(origin.close)
  const { port } = await compressingApp(t, origin.url)
  const plain = { 'Accept-Encoding': 'identity' }
  const again = await ask(port, '/', { ...plain, 'If-None-Match': '"v1~hg-decoded"' })
  t.equal(again.status, 304)
  t.equal(again.headers['etag'], '"v1~hg-decoded"')
  t.equal((await ask(port, '/', { ...plain, 'If-Match': '"v1~hg-decoded"', 'Content-Length': '0' }, 'PUT')).status, 204)
  t.equal((await ask(port, '/', { 'Accept-Encoding': 'gzip', 'If-None-Match': '"v1~hg-br"' })).status, 200)
})

t.test('what is stored encoded is decoded for those who need it', async t => {
  const origin = await rawOrigin((_request, socket) => {
    const fields = {
      'Content-Type': 'text/css',
      'Content-Encoding': 'br',
      'Cache-Control': 'max-age=600',
      ETag: '"v1"',
    }
    socket.write(answer(200, fields, encoders.br(words(30_000))))
  })
  t.teardown(origin.close)
  const { port } = await compressingApp(t, origin.url, { cache: {} })
  for (const accept of ['br', 'gzip', 'br', 'identity', 'identity', 'gzip']) {
    const got = await ask(port, '/', { 'Accept-Encoding': accept })
    t.equal(decoded(got).toString(), words(30_000), accept)
    t.equal(got.headers['content-encoding'], accept === 'br' ? 'br' : undefined, accept)
  }
  const known = await ask(port, '/', { 'Accept-Encoding': 'identity', 'If-None-Match': '"v1~hg-decoded"' })
  t.equal(known.status, 304)
  t.equal(known.headers['etag'], '"v1~hg-decoded"')
  t.equal(origin.requests.length, 3, 'once for each set of codings')
})

t.test('an answer that is not of its coding, was cut, or is a bomb is never taken for whole', async t => {
  const long = noise(400_000)
  const bodies: Record<string, Buffer> = {
    '/rubbish': Buffer.from('no gzip at all'),
    '/cut': encoders.gzip(long).subarray(0, -5),
    '/bomb': encoders.zstd(Buffer.alloc(80 * 1024 ** 2)),
  }
  const origin = await rawOrigin(({ target }, socket) => {
    const coding = target === '/bomb' ? 'zstd' : 'gzip'
    socket.write(answer(200, { 'Content-Type': 'text/plain', 'Content-Encoding': coding }, bodies[target] ?? ''))
  })
  t.teardown(origin.close)
  t.ok((80 * 1024 ** 2) / (bodies['/bomb']?.length ?? 0) > MAX_ANSWER_RATIO)
  const { url } = await compressingApp(t, origin.url)
  for (const path of Object.keys(bodies)) {
    const { status, bytes, isWhole } = await count(`${url}${path}`)
    t.ok(!isWhole || status === 502, `${path} ${status}, ${bytes} bytes`)
    t.ok(bytes < 20 * 1024 ** 2, `${path} ${bytes} bytes`)
  }
  t.equal((await fetch(`${url}/rubbish`, { headers: { 'Accept-Encoding': 'gzip' } }).catch(() => null)) === null, false)
})

/** A long answer is only counted. */
function count(url: string): Promise<{ status: number; bytes: number; isWhole: boolean }> {
  return new Promise(resolve => {
    const asking = get(url, { agent: false, headers: { 'accept-encoding': 'identity' } }, got => {
      let bytes = 0
      got.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      got.on('error', () => {})
      got.on('close', () => resolve({ status: got.statusCode ?? 0, bytes, isWhole: got.complete }))
    })
    asking.on('error', () => resolve({ status: 0, bytes: 0, isWhole: false }))
  })
}
