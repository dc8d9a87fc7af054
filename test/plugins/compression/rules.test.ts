import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { looksCompressed } from '../../../plugins/compression/codec/hand-over.ts'
import {
  chooseCoding,
  MAX_CHARACTERS,
  MAX_REMEMBERED,
  parseAcceptEncoding,
  rememberedChoice,
  rememberedNeed,
} from '../../../plugins/compression/rules/accept-encoding.ts'
import { hasDirective, readAnswerFields } from '../../../plugins/compression/rules/answer-fields.ts'
import { judgeType } from '../../../plugins/compression/rules/content-type.ts'
import { type AnswerQuestion, decideAnswer } from '../../../plugins/compression/rules/decide.ts'
import { addVary, markHead, markNotModified, markPlain, varyWith } from '../../../plugins/compression/rules/head.ts'
import { conditionsForOrigin } from '../../../plugins/compression/rules/request-conditions.ts'
import { surelyShrinks } from '../../../plugins/compression/rules/surely-shrinks.ts'

t.test('the client’s weights decide, the server’s order breaks ties', async t => {
  const cases: [string | undefined, string | null][] = [
    [undefined, 'identity'],
    ['', 'identity'],
    ['gzip', 'gzip'],
    ['GZIP', 'gzip'],
    ['x-gzip', 'gzip'],
    ['gzip, deflate, br, zstd', 'zstd'],
    ['gzip, deflate, br', 'br'],
    ['gzip;q=1.0, br;q=0.5', 'gzip'],
    ['gzip ; q=0.5 , br ; q=0.5', 'br'],
    ['*', 'zstd'],
    ['*;q=0.1, gzip', 'gzip'],
    ['zstd;q=0, *', 'br'],
    ['gzip;q=0', 'identity'],
    ['deflate', 'identity'],
    ['identity;q=0', null],
    ['*;q=0', null],
    ['identity;q=0, gzip;q=0.1', 'gzip'],
    ['*;q=0, identity', 'identity'],
    ['*;q=0, br;q=0.2', 'br'],
    ['identity;q=1, gzip;q=0.5', 'identity'],
    ['identity;q=0.5, gzip;q=0.5', 'gzip'],
    ['gzip;q=abc', 'identity'],
    ['gzip;q=2', 'identity'],
    ['gzip;q=', 'identity'],
    [',,gzip,,', 'gzip'],
    ['identity', 'identity'],
  ]
  for (const [accept, wanted] of cases) t.equal(chooseCoding(accept, ['zstd', 'br', 'gzip']), wanted, String(accept))
  t.equal(chooseCoding('gzip, br, zstd', ['gzip']), 'gzip', 'only what is on offer')
  t.strictSame(parseAcceptEncoding('br;q=0.25;x=1'), [{ coding: 'br', q: 0.25 }])
})

t.test(
  'what is remembered of Accept-Encoding is what it says, for more and longer spellings than are kept',
  async t => {
    const [choose, needs] = [rememberedChoice(['zstd', 'br', 'gzip']), rememberedNeed()]
    const spellings = Array.from(
      { length: 2 * MAX_REMEMBERED + 5 },
      (_, i) => `x-${i}, ${['br', 'gzip', 'zstd'][i % 3]}`,
    )
    const long = `gzip, ${'x'.repeat(MAX_CHARACTERS)}`
    for (const accept of [...spellings, long, ...spellings.slice(0, 9), long, 'identity;q=0', '*;q=0', '']) {
      t.equal(choose(accept), chooseCoding(accept, ['zstd', 'br', 'gzip']), accept.slice(0, 40))
      t.equal(needs(accept, 'gzip'), !/gzip|q=0/.test(accept), accept.slice(0, 40))
    }
    t.equal(choose(undefined), 'identity')
    t.equal(needs(undefined, 'br'), false)
  },
)

t.test('types that are known to shrink are encoded, all others are left alone', async t => {
  const cases: [string | null, string][] = [
    ['text/html; charset=utf-8', 'text'],
    ['TEXT/PLAIN', 'text'],
    ['application/json', 'text'],
    ['application/problem+json; x=1', 'text'],
    ['application/atom+xml', 'text'],
    ['application/x-ndjson', 'text'],
    ['image/svg+xml', 'image'],
    ['image/bmp', 'image'],
    ['font/ttf', 'default'],
    ['application/wasm', 'default'],
    ['image/png', 'compressed-type'],
    ['video/mp4', 'compressed-type'],
    ['font/woff2', 'compressed-type'],
    ['application/zip', 'compressed-type'],
    ['application/pdf', 'compressed-type'],
    ['application/octet-stream', 'type'],
    ['application/x-unheard-of', 'type'],
    ['text/event-stream;charset=utf-8', 'event-stream'],
    ['multipart/x-mixed-replace; boundary=a', 'event-stream'],
    ['', 'no-type'],
    [null, 'no-type'],
  ]
  for (const [type, wanted] of cases) {
    const verdict = judgeType(type, [])
    t.equal(verdict.compressible ? verdict.contentClass : verdict.reason, wanted, String(type))
  }
  t.strictSame(judgeType('image/png', ['image/*']), { compressible: true, contentClass: 'image' })
  t.strictSame(judgeType('application/x-own', ['application/x-own']), { compressible: true, contentClass: 'default' })
  t.equal(judgeType('text/event-stream', ['text/*']).compressible, false, 'an event stream never')
})

const fields = (...lines: string[]) => readAnswerFields(['Content-Type', 'text/html', ...lines])
const rules = {
  minSize: 1024,
  levelMap: { text: 9, image: 6, video: 3, default: 0 },
  judge: (type: string | null) => judgeType(type, []),
}
const whole: AnswerQuestion = {
  method: 'GET',
  status: 200,
  fields: fields(),
  length: 5000,
  hasTrailers: false,
  request: { coding: 'br', isRange: false, noTransform: false },
}

t.test('an answer is encoded, or left alone for one reason', async t => {
  const { request } = whole
  const cases: [string, Partial<AnswerQuestion>, string, boolean?][] = [
    ['all is well', {}, 'br'],
    ['unknown length', { length: null }, 'br'],
    ['at the border', { length: 1024 }, 'br'],
    ['an error page', { status: 500 }, 'br'],
    ['below it', { length: 1023 }, 'small', false],
    ['no content', { status: 204 }, 'status', false],
    ['not modified', { status: 304 }, 'status', false],
    ['a part', { status: 206 }, 'range', true],
    ['a part by its field', { fields: fields('content-range', 'bytes 0-1/2') }, 'range', true],
    ['a range was asked for', { request: { ...request, isRange: true } }, 'range', true],
    ['encoded', { fields: fields('Content-Encoding', 'gzip') }, 'origin-encoded', false],
    [
      'encoded twice',
      { fields: fields('Content-Encoding', 'identity', 'Content-Encoding', 'br') },
      'origin-encoded',
      false,
    ],
    ['said to be plain', { fields: fields('Content-Encoding', 'identity') }, 'br'],
    ['no-transform', { fields: fields('Cache-Control', 'max-age=1, No-Transform') }, 'no-transform', false],
    ['no-transform asked for', { request: { ...request, noTransform: true } }, 'no-transform', true],
    ['unbuffered', { fields: fields('X-Accel-Buffering', 'no') }, 'unbuffered', false],
    ['trailers', { hasTrailers: true }, 'trailers', false],
    ['a class at 0', { fields: readAnswerFields(['content-type', 'font/ttf']) }, 'level', false],
    ['no type', { fields: readAnswerFields([]) }, 'no-type', false],
    ['plain is wanted', { request: { ...request, coding: 'identity' } }, 'not-accepted', true],
    ['nothing is wanted', { request: { ...request, coding: null } }, 'not-accepted', true],
    ['HEAD', { method: 'HEAD' }, 'method', true],
  ]
  for (const [name, part, wanted, isNegotiable] of cases) {
    const decision = decideAnswer({ ...whole, ...part }, rules)
    t.equal(decision.encode ? decision.coding : decision.reason, wanted, name)
    if (!decision.encode) t.equal(decision.isNegotiable, isNegotiable, `${name}: Vary`)
  }
})

t.test('a directive in quotes is none', async t => {
  t.equal(hasDirective('x="no-transform"', 'no-transform'), false)
  t.equal(hasDirective('x="a, no-transform, b"', 'no-transform'), false)
  t.equal(hasDirective('private, no-transform', 'no-transform'), true)
  t.equal(hasDirective('no-transformers', 'no-transform'), false)
})

t.test('Vary names Accept-Encoding once, and nothing is added to a star', async t => {
  const cases: [string[], string[]][] = [
    [[], ['Vary', 'accept-encoding']],
    [
      ['Vary', 'Accept'],
      ['Vary', 'Accept, accept-encoding'],
    ],
    [
      ['vary', 'Accept-Encoding'],
      ['vary', 'Accept-Encoding'],
    ],
    [
      ['Vary', '*'],
      ['Vary', '*'],
    ],
    [
      ['Vary', 'Cookie', 'Vary', 'accept-encoding'],
      ['Vary', 'Cookie', 'Vary', 'accept-encoding'],
    ],
    [
      ['Vary', ''],
      ['Vary', 'accept-encoding'],
    ],
  ]
  for (const [given, wanted] of cases) {
    const flat = [...given]
    addVary(flat)
    t.strictSame(flat, wanted, given.join(' '))
  }
  t.equal(varyWith('Accept-Encoding, Cookie'), 'Cookie, accept-encoding')
})

t.test('tags are marked for the bytes that go out, and found again on the way up', async t => {
  const plain = ['ETag', '"a"', 'X', 'y']
  markPlain(plain)
  t.strictSame(plain, ['ETag', '"a"', 'X', 'y'])
  const like = ['ETag', '"a~hg-br"']
  markPlain(like)
  t.strictSame(like, ['ETag', '"a~hg-br~hg-id"'], 'an origin’s own tag that looks like one of ours')
  const head = [
    'ETag',
    '"a"',
    'Accept-Ranges',
    'bytes',
    'Digest',
    'x',
    'Content-MD5',
    'x',
    'Repr-Digest',
    'x',
    'X',
    'y',
  ]
  markHead(head, 'gzip')
  t.strictSame(head, ['ETag', '"a~hg-gzip"', 'X', 'y'])
  const up = (name: string, value: string) => conditionsForOrigin(['A', 'b', name, value])[3]
  t.equal(up('If-Match', '"a~hg-br"'), '"a"')
  t.equal(up('if-none-match', 'W/"w", "a~hg-br", "a~hg-gzip"'), 'W/"w", "a"')
  t.equal(up('If-Range', '"a~hg-br"'), '"a~hg-br"', 'parts of encoded bytes are never completed from plain ones')
  t.equal(up('If-Range', '"a~hg-br~hg-id"'), '"a~hg-br"')
  const now = (accept: string, tags: string) =>
    conditionsForOrigin(['If-None-Match', tags, 'Accept-Encoding', accept])[1]
  t.equal(now('gzip', '"a~hg-br", "a~hg-gzip"'), '"a~hg-br", "a"', 'what it no longer takes is no form for it')
  t.equal(now('br;q=0, *', '"a~hg-br"'), '"a~hg-br"')
  t.equal(now('identity', '"a~hg-decoded", "a"'), '"a"')
  const untouched = ['If-Match', '"a"', 'Accept', 'x']
  t.equal(conditionsForOrigin(untouched), untouched, 'nothing is copied where nothing was marked')
})

t.test('a 304 carries the tag that the client has', async t => {
  const cases: [string, string | undefined, string, boolean][] = [
    ['"a"', '"a~hg-br"', '"a~hg-br"', true],
    ['"a"', '"b~hg-br", "a~hg-gzip"', '"a~hg-gzip"', true],
    ['"a"', '"a"', '"a"', false],
    ['"a"', '*', '"a"', false],
    ['"a"', undefined, '"a"', false],
    ['W/"a"', 'W/"a"', 'W/"a"', false],
  ]
  for (const [tag, held, wanted, isEncoded] of cases) {
    const flat = ['ETag', tag]
    t.equal(markNotModified(flat, { ifNoneMatch: held, accept: undefined }), isEncoded, String(held))
    t.equal(flat[1], wanted)
  }
  const both = ['ETag', '"a"']
  markNotModified(both, { ifNoneMatch: '"a~hg-br", "a~hg-gzip"', accept: 'gzip' })
  t.equal(both[1], '"a~hg-gzip"', 'of two forms the one that it takes')
})

t.test('texts that @fastify/compress takes for compressed bytes are known', async t => {
  for (const text of ['x = 1', 'HK 47', '(r) 2026', 'h$']) t.equal(looksCompressed(Buffer.from(text)), true, text)
  for (const text of ['', 'x', '<html>', '{"a":1}', 'hello']) t.equal(looksCompressed(Buffer.from(text)), false, text)
})

t.test('a block of uneven bytes is known to shrink; what is packed, short or mixed is not', async t => {
  const text = Buffer.from(JSON.stringify(Array.from({ length: 400 }, (_, id) => ({ id, room: `room ${id % 7}` }))))
  const packed = randomBytes(16 * 1024)
  t.ok(surelyShrinks(text))
  t.ok(surelyShrinks(Buffer.from(packed.toString('base64'))), 'Base64 shrinks by a quarter')
  t.ok(surelyShrinks(Buffer.alloc(4096)), 'and nothing but zeros')
  t.notOk(surelyShrinks(packed))
  t.notOk(surelyShrinks(Buffer.concat([text.subarray(0, 4096), packed.subarray(0, 12_288)])), 'text, then packed')
  t.notOk(surelyShrinks(text.subarray(0, 1000)), 'too short to tell')
  t.notOk(surelyShrinks(Buffer.alloc(0)))
  for (let run = 0; run < 200; run++) {
    const length = 2048 + Math.floor(Math.random() * 14_000)
    const block = randomBytes(length).map(byte => byte & (0xff >> (run % 4)))
    if (!surelyShrinks(block)) continue
    t.ok(gzipSync(block, { level: 1 }).length < block.length * 0.97, `${length} bytes, ${8 - (run % 4)} bits each`)
  }
})
