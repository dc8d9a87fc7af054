import fc from 'fast-check'
import t from 'tap'
import { ageField, currentAgeMs, initialAgeMs } from '../../../../plugins/cache/rules/age.ts'
import { readAnswerFacts } from '../../../../plugins/cache/rules/answer-facts.ts'
import { appendCacheStatus, formatCacheStatus, forwardReason } from '../../../../plugins/cache/rules/cache-status.ts'
import {
  firstValue,
  isToken,
  joinedValue,
  lineValues,
  listMembers,
  wholeNumber,
  withoutFields,
} from '../../../../plugins/cache/rules/fields.ts'
import { keepForMs } from '../../../../plugins/cache/rules/freshness.ts'
import { readRequestFacts } from '../../../../plugins/cache/rules/request-facts.ts'
import { parseDictionary } from '../../../../plugins/cache/rules/structured-fields.ts'
import { isTag, readTags } from '../../../../plugins/cache/rules/tags.ts'
import { flat, kept, now, settingsOf } from './support.ts'

t.test('flat fields', async t => {
  const fields = ['A', '1', 'b', '2', 'a', '3', 'odd']
  t.equal(firstValue(fields, 'a'), '1')
  t.equal(firstValue(fields, 'odd'), null)
  t.strictSame(lineValues(fields, 'a'), ['1', '3'])
  t.equal(joinedValue(fields, 'a'), '1, 3')
  t.equal(joinedValue(fields, 'c'), null)
  t.strictSame(withoutFields(fields, new Set(['a'])), ['b', '2'])
})

t.test('lists and numbers', async t => {
  t.strictSame(listMembers(' a ,, "b, c" ,"d\\", e", f'), ['a', '"b, c"', '"d\\", e"', 'f'])
  t.strictSame(listMembers(''), [])
  t.equal(isToken('a-b'), true)
  t.equal(isToken('a b'), false)
  t.equal(isToken(''), false)
  const numbers: [string, number | null][] = [
    ['007', 7],
    ['', null],
    ['1x', null],
    ['-1', null],
    ['99999999999999999999', Number.MAX_SAFE_INTEGER],
  ]
  for (const [text, wanted] of numbers) t.equal(wholeNumber(text), wanted, text)
})

t.test('structured dictionaries', async t => {
  const good: [string, string, unknown][] = [
    ['a=1', 'a', 1],
    ['a=-12.5', 'a', -12.5],
    ['a', 'a', true],
    ['a=?0', 'a', false],
    ['a="b\\"c"', 'a', 'b"c'],
    ['a=tok/en:x', 'a', 'tok/en:x'],
    ['a=:YWJj:', 'a', 'YWJj'],
    ['a=@12', 'a', 12],
    ['a=%"x"', 'a', 'x'],
    ['a;p=1;q, *b=2', '*b', 2],
    ['a=1 ,\t b=2', 'b', 2],
    ['a=1, a=2', 'a', 2],
    ['  a=1  ', 'a', 1],
  ]
  for (const [text, key, wanted] of good) t.equal(parseDictionary(text)?.get(key)?.value, wanted, text)
  t.match(parseDictionary('a=(1 "x";p tok), b')?.get('a')?.value, [{ value: 1 }, { value: 'x' }, { value: 'tok' }])
  const bad = [
    'A=1',
    'a=',
    'a=1,',
    'a=1 b=2',
    'a="x',
    'a="\\n"',
    'a=1.',
    'a=1.2345',
    'a=(1',
    'a=(1"x")',
    'a=?2',
    'a=1;P',
  ]
  for (const text of [...bad, 'a=:x', 'a=:\u00e4:', 'a=@1.5', 'a=%x', 'a=1234567890123456', 'a=-', '&']) {
    t.equal(parseDictionary(text), null, text)
  }
  t.equal(parseDictionary('')?.size, 0)
})

t.test('facts of a request', async t => {
  const facts = readRequestFacts(
    flat([
      ['RANGE', 'bytes=0-1'],
      ['if-range', '"a"'],
      ['If-Match', '"a"'],
      ['If-Match', '"b"'],
      ['IF-NONE-MATCH', '"c"'],
      ['If-Modified-Since', 'x'],
      ['If-Unmodified-Since', 'y'],
      ['Cookie', 'a=b'],
    ]),
  )
  t.match(facts, {
    range: 'bytes=0-1',
    ifRange: '"a"',
    ifMatch: '"a", "b"',
    ifNoneMatch: '"c"',
    ifModifiedSince: 'x',
    ifUnmodifiedSince: 'y',
    hasCookie: true,
    hasAuthorization: false,
    hasOverride: false,
  })
  t.equal(readRequestFacts(['authorization', 'x']).hasAuthorization, true)
  t.equal(readRequestFacts(['Private-Token', 'x']).hasAuthorization, true)
})

t.test('age', async t => {
  const age = (date: number, ageSeconds: number, delay: number) =>
    initialAgeMs({ dateMs: now + date, ageSeconds }, { requestTimeMs: now - delay, responseTimeMs: now })
  t.equal(age(0, 0, 0), 0)
  t.equal(age(-5000, 0, 0), 5000, 'by Date')
  t.equal(age(5000, 0, 0), 0, 'a clock that is ahead')
  t.equal(age(-5000, 7, 250), 7250, 'by Age and the time on the way')
  t.equal(age(0, 0, -250), 0, 'a clock that runs backwards')
  const head = kept([
    ['Cache-Control', 'max-age=60'],
    ['Age', '30'],
  ])
  t.equal(currentAgeMs(head, now + 2999), 32_999)
  t.equal(ageField(head, now + 2999), '32')
})

t.test('how long an answer is worth keeping', async t => {
  const week = 7 * 24 * 60 * 60 * 1000
  const keep = (value: string, more: [string, string][] = [], settings = {}) =>
    keepForMs(kept([['Cache-Control', value], ...more], { settings }), settingsOf(settings))
  t.equal(keep('max-age=60'), 60_000)
  t.equal(keep('max-age=60', [['Age', '20']]), 40_000)
  t.equal(keep('max-age=60', [['ETag', '"a"']]), 60_000 + week)
  t.equal(keep('max-age=60, stale-if-error=30, stale-while-revalidate=10'), 90_000)
  t.equal(keep('max-age=60, must-revalidate', [], { staleIfErrorMs: 5000 }), 60_000)
  t.equal(keep('max-age=60', [], { staleIfErrorMs: 5000 }), 65_000)
})

t.test('tags for purging', async t => {
  const headers = ['Surrogate-Key', 'a b  c', 'Cache-Tag', 'd, a ,e f', 'surrogate-key', `g \u00e4 ${'x'.repeat(129)}`]
  t.strictSame(readTags(headers), ['a', 'b', 'c', 'd', 'g'])
  // One more than a store takes says that there were too many.
  t.equal(readTags(['Cache-Tag', Array.from({ length: 200 }, (_, i) => `t${i}`).join()]).length, 129)
  t.equal(isTag(''), false)
})

t.test('Cache-Status', async t => {
  const cases: [string, Parameters<typeof formatCacheStatus>[1]][] = [
    ['h; hit; ttl=30', { hit: true, ttlMs: 30_999 }],
    ['h; hit; ttl=-1; detail=stale-if-error', { hit: true, ttlMs: -1, detail: 'stale-if-error' }],
    ['h; fwd=uri-miss; stored', { forward: 'uri-miss', stored: true }],
    [
      'h; fwd=stale; fwd-status=304; ttl=0; collapsed',
      { forward: 'stale', forwardStatus: 304, ttlMs: -0, collapsed: true },
    ],
    ['h; fwd=bypass; detail="a \\"b\\""', { forward: 'bypass', detail: 'a "b\u00e4"' }],
    ['h; detail="304"', { detail: '304' }],
    ['h; hit; ttl=999999999999999', { hit: true, ttlMs: Number.POSITIVE_INFINITY }],
  ]
  for (const [wanted, status] of cases) t.equal(formatCacheStatus('h', status), wanted)
  t.equal(appendCacheStatus(null, 'h; hit'), 'h; hit')
  t.equal(appendCacheStatus('inner; fwd=miss', 'h; hit'), 'inner; fwd=miss, h; hit')
  t.equal(forwardReason('absent', false), 'uri-miss')
  t.equal(forwardReason('absent', true), 'vary-miss')
  t.equal(forwardReason('request-max-age', false), 'request')
})

const name = fc.constantFrom(
  ...['Cache-Control', 'CDN-Cache-Control', 'Expires', 'Date', 'Age', 'ETag', 'Last-Modified', 'Vary', 'Pragma'],
  ...['Content-Length', 'Content-Range', 'Content-Encoding', 'Content-Location', 'Surrogate-Key', 'Range', 'If-Match'],
)
const fields = fc.array(fc.tuple(name, fc.string({ unit: 'binary' })), { maxLength: 12 }).map(lines => lines.flat())

t.test('any fields are read without throwing', async () => {
  fc.assert(
    fc.property(fields, headers => {
      const facts = readAnswerFacts(headers, now)
      readRequestFacts(headers)
      readTags(headers)
      parseDictionary(headers.join())
      return facts.ageSeconds >= 0 && Number.isFinite(facts.dateMs)
    }),
    { numRuns: 300 },
  )
})
