import fc from 'fast-check'
import t from 'tap'
import {
  decideVary,
  matchesVary,
  normaliseAcceptEncoding,
  normaliseAcceptLanguage,
  normaliseBlanks,
  selectVariant,
  variantKey,
  variantToDrop,
  varyValuesOf,
} from '../../../../plugins/cache/rules/vary.ts'
import { kept, type Line, request, secondAnswer } from './support.ts'

const fresh: Line = ['Cache-Control', 'max-age=5000']

t.test('which requests share an answer', async t => {
  const cases: [string, string, Line[], Line[]][] = [
    ['cached', 'Foo', [['Foo', '1']], [['foo', '1']]],
    ['not_cached', 'Foo', [['Foo', '1']], [['Foo', '2']]],
    ['not_cached', 'Foo', [], [['Foo', '1']]],
    ['not_cached', 'Foo', [['Foo', '1']], []],
    ['not_cached', 'Foo', [['Foo', '']], []],
    ['not_cached', 'Foo', [['Foo', 'a']], [['Foo', 'A']]],
    [
      'cached',
      'Foo, Bar',
      [
        ['Foo', '1'],
        ['Bar', 'abc'],
      ],
      [
        ['Bar', 'abc'],
        ['Foo', '1'],
      ],
    ],
    [
      'not_cached',
      'Foo, Bar',
      [
        ['Foo', '1'],
        ['Bar', 'abc'],
      ],
      [],
    ],
    [
      'not_cached',
      'Foo, Bar, Baz',
      [
        ['Foo', '1'],
        ['Bar', 'abc'],
      ],
      [
        ['Foo', '1'],
        ['Bar', 'abcde'],
      ],
    ],
    ['cached', 'Foo, Bar', [['Foo', '1']], [['Foo', '1']]],
    ['cached', 'Foo', [['Foo', '1,2']], [['Foo', ' 1, 2 ']]],
    [
      'cached',
      'Foo',
      [
        ['Foo', '1'],
        ['Foo', '2'],
      ],
      [['Foo', '1, 2']],
    ],
    ['cached', 'Accept-Language', [['Accept-Language', 'en, de']], [['Accept-Language', 'de, en']]],
    ['cached', 'Accept-Encoding', [['Accept-Encoding', 'gzip, br']], [['Accept-Encoding', 'br;q=1.0,GZIP;q=0.8']]],
    ['not_cached', 'Origin', [['Origin', 'https://a.test']], [['Origin', 'https://b.test']]],
  ]
  for (const [wanted, vary, first, second] of cases) {
    const given = { request: request(first), answer: [fresh, ['Vary', vary] as Line] }
    t.equal(secondAnswer(varied(given, second), request(second)), wanted, `${vary}: ${first} | ${second}`)
  }

  /** A variant that does not match is no stored answer at all. */
  function varied(given: { request: ReturnType<typeof request>; answer: Line[] }, second: Line[]) {
    return matchesVary(kept(given.answer, given), request(second)) ? given : {}
  }
})

t.test('a coded answer is for who asked for a coding, whatever its Vary says', async t => {
  const answer: Line[] = [fresh, ['Content-Encoding', 'gzip']]
  const head = kept(answer, { request: request([['Accept-Encoding', 'gzip']]) })
  t.strictSame(head.varyNames, ['accept-encoding'])
  t.equal(matchesVary(head, request()), false)
  t.equal(matchesVary(head, request([['Accept-Encoding', 'deflate, gzip']])), false)
  t.equal(matchesVary(head, request([['accept-encoding', 'gzip']])), true)
  t.strictSame(kept([fresh, ['Content-Encoding', 'identity']]).varyNames, [])
})

t.test('fields that the gateway writes are read from the connection', async t => {
  const head = kept([fresh, ['Vary', 'X-Forwarded-Proto, Host']], {
    request: request([
      ['X-Forwarded-Proto', 'https'],
      ['Host', 'evil'],
    ]),
  })
  t.strictSame(head.varyValues, { host: 'app.test:80', 'x-forwarded-proto': 'http' })
  t.equal(matchesVary(head, request([], { scheme: 'https' })), false)
})

t.test('Accept-Encoding as a set of codings', async t => {
  const cases: [string, string][] = [
    ['gzip, deflate, br', 'br,deflate,gzip'],
    ['br;q=0.1, GZip ; q=1', 'br,gzip'],
    ['x-gzip', 'gzip'],
    ['gzip;q=0, br', 'br'],
    ['gzip;q=0.000, *', '*,gzip;q=0'],
    ['identity, br', 'br'],
    ['br, identity;q=0', 'br,identity;q=0'],
    ['gzip, *;q=0', 'gzip,*;q=0'],
    ['identity, *;q=0', 'identity,*;q=0'],
    ['', ''],
    ['constructor', 'constructor'],
  ]
  for (const [value, wanted] of cases) t.equal(normaliseAcceptEncoding(value), wanted, value)
})

t.test('Accept-Language without order and case', async t => {
  const cases: [string, string][] = [
    ['en, de', 'de,en'],
    ['eN ,De;q=1.0', 'de,en'],
    ['de;q=0.50, en', 'de;q=0.5,en'],
    ['de;q=x', 'de;q=NaN'],
  ]
  for (const [value, wanted] of cases) t.equal(normaliseAcceptLanguage(value), wanted, value)
})

t.test('blanks in unknown fields', async t => {
  const cases: [string, string][] = [
    [' 1, 2 ', '1,2'],
    ['a  b', 'a  b'],
    ['"a , b" , c', '"a , b",c'],
    ['a,,b', 'a,,b'],
    ['a,', 'a,'],
  ]
  for (const [value, wanted] of cases) t.equal(normaliseBlanks(value), wanted, value)
})

t.test('of several variants the newest that matches is taken', async t => {
  const answer = (age: number, more: Line[] = []): Line[] => [fresh, ['Date', age], ...more]
  const older = kept(answer(-20))
  const newer = kept(answer(-10))
  const other = kept(answer(0, [['Vary', 'Foo']]), { request: request([['Foo', '1']]) })
  t.equal(selectVariant([older, newer, other], request()), newer)
  t.equal(selectVariant([older, newer, other], request([['Foo', '1']])), other)
  t.equal(selectVariant([other], request()), null)
  t.equal(variantToDrop([older, newer], 3), null)
  t.equal(
    variantToDrop(
      [
        { ...older, responseTimeMs: 9 },
        { ...newer, responseTimeMs: 8 },
      ],
      2,
    )?.responseTimeMs,
    8,
  )
})

const text = fc.string({ unit: 'binary', maxLength: 20 })

t.test('different values never get one key, and normalising twice changes nothing', async () => {
  fc.assert(
    fc.property(fc.option(text), fc.option(text), (a, b) => {
      const names = ['bar', 'foo']
      const lines = [...(a === null ? [] : [['bar', a] as Line]), ...(b === null ? [] : [['foo', b] as Line])]
      const values = varyValuesOf(names, request(lines))
      return (
        values['bar'] === (a === null ? null : normaliseBlanks(a)) &&
        values['foo'] === (b === null ? null : normaliseBlanks(b))
      )
    }),
  )
  fc.assert(fc.property(text, value => normaliseBlanks(normaliseBlanks(value)) === normaliseBlanks(value)))
  fc.assert(
    fc.property(text, value => {
      normaliseAcceptLanguage(value)
      decideVary(value, true, { storeCookieVary: true })
      return normaliseAcceptEncoding(value).length <= value.length
    }),
  )
})

t.test('a variant has a text of its own', async t => {
  t.not(variantKey(['a'], { a: null }), variantKey(['a'], { a: '' }))
  t.equal(variantKey(['a', 'b'], { a: '1', b: null }), 'a=1\nb')
})
