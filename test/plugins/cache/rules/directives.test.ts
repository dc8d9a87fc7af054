import fc from 'fast-check'
import t from 'tap'
import {
  type AnswerDirectives,
  addAnswerLine,
  addRequestLine,
  applyPragma,
  emptyAnswerDirectives,
  emptyRequestDirectives,
  parseTargeted,
  type RequestDirectives,
} from '../../../../plugins/cache/rules/directives.ts'

function answer(...lines: string[]): AnswerDirectives {
  const directives = emptyAnswerDirectives()
  for (const line of lines) addAnswerLine(directives, line)
  return directives
}

function asked(...lines: string[]): RequestDirectives {
  const directives = emptyRequestDirectives()
  for (const line of lines) addRequestLine(directives, line)
  return directives
}

t.test('directives of answers, one by one', async t => {
  const cases: [string, Partial<AnswerDirectives>][] = [
    ['max-age=3600', { maxAge: 3600, isMalformed: false }],
    ['MAX-AGE=3600', { maxAge: 3600 }],
    ['foobar, max-age=3600', { maxAge: 3600, isMalformed: false }],
    ['foo="max-age=1, private", max-age=9', { maxAge: 9, isPrivate: false, isMalformed: false }],
    ['max-age="3600"', { maxAge: 3600, isMalformed: false }],
    ['max-age="36\\00"', { maxAge: 3600 }],
    ['max-age=003600', { maxAge: 3600 }],
    ['max-age=2147483649', { maxAge: 2147483648 }],
    ['max-age=99999999999999999999999', { maxAge: 2147483648 }],
    [', ,max-age=1,, ', { maxAge: 1, isMalformed: false }],
    ['\tmax-age=1\t,\tpublic', { maxAge: 1, isPublic: true, isMalformed: false }],
    ['s-maxage=5, max-age=6', { sharedMaxAge: 5, maxAge: 6 }],
    ['nO-StOrE', { noStore: true, isMalformed: false }],
    ['private', { isPrivate: true, isMalformed: false }],
    ['private="set-cookie"', { isPrivate: true, isMalformed: false }],
    ['private=""', { isPrivate: true }],
    ['private, private="x"', { isPrivate: true }],
    ['no-cache', { noCache: true, noCacheFields: [] }],
    ['no-cache="A, b"', { noCache: false, noCacheFields: ['a', 'b'] }],
    ['no-cache=""', { noCache: true, noCacheFields: [] }],
    ['no-cache="a b"', { noCache: true }],
    ['no-cache="content-encoding"', { noCache: true, noCacheFields: [] }],
    ['must-revalidate, proxy-revalidate', { mustRevalidate: true, proxyRevalidate: true }],
    ['must-understand, no-store', { mustUnderstand: true, noStore: true }],
    ['immutable, no-transform', { isImmutable: true, noTransform: true }],
    ['stale-while-revalidate=9, stale-if-error=8', { staleWhileRevalidate: 9, staleIfError: 8 }],
    ['', { isPresent: true, isMalformed: false }],
  ]
  for (const [line, wanted] of cases) t.match(answer(line), wanted, line)
})

t.test('a number that is none makes stale, and of several the smallest counts', async t => {
  const cases: [string[], number][] = [
    [['max-age'], 0],
    [["max-age='3600'"], 0],
    [['max-age=3600.5'], 0],
    [['max-age=3600.0'], 0],
    [['max-age=a3600'], 0],
    [['max-age=3600a'], 0],
    [['max-age=-3600'], 0],
    [['max-age=+3600'], 0],
    [['max-age=1, max-age=1800'], 1],
    [['max-age=1800, max-age=1'], 1],
    [['max-age=1', 'max-age=1800'], 1],
    [['max-age=1800', 'max-age=x'], 0],
  ]
  for (const [lines, wanted] of cases) t.equal(answer(...lines).maxAge, wanted, lines.join(' | '))
})

t.test('what breaks the grammar is seen, so that nothing of it is stored', async t => {
  const lines = [
    'max-age =3600',
    'max-age= 3600',
    'max-age=',
    'public; max-age=60',
    'max-age=60 private',
    'max-age="60, private',
    '"private", max-age=60',
    '=private',
    'private;x, max-age=1',
    'max-age=1, (private)',
    'no_store, max-age=1',
    'nostore, max-age=1',
    'x-private, max-age=1',
    'max-age=1, priv\u00e4t',
  ]
  for (const line of lines) t.equal(answer(line).isMalformed, true, line)
})

t.test('directives of requests', async t => {
  const cases: [string, Partial<RequestDirectives>][] = [
    ['no-cache, no-store, only-if-cached', { noCache: true, noStore: true, onlyIfCached: true }],
    ['max-age=0', { maxAge: 0 }],
    ['max-age=x', { maxAge: 0 }],
    ['min-fresh=5, min-fresh=9', { minFresh: 9 }],
    ['min-fresh=x', { minFresh: 0 }],
    ['max-stale', { maxStale: Number.POSITIVE_INFINITY }],
    ['max-stale=10, max-stale', { maxStale: 10 }],
    ['max-stale=x', { maxStale: 0 }],
    ['stale-if-error=7', { staleIfError: 7 }],
    ['nothing-to-see-here', { isPresent: true, noCache: false, noStore: false }],
    ['"no-cache', { noCache: false }],
  ]
  for (const [line, wanted] of cases) t.match(asked(line), wanted, line)
})

t.test('Pragma counts without Cache-Control only', async t => {
  const cases: [string[], string, boolean][] = [
    [[], 'no-cache', true],
    [[], 'foo, No-Cache', true],
    [[], 'unrecognised-extension', false],
    [[], 'x-no-cache', false],
    [['nothing-to-see-here'], 'no-cache', false],
  ]
  for (const [lines, pragma, wanted] of cases) {
    const directives = asked(...lines)
    applyPragma(directives, pragma)
    t.equal(directives.noCache, wanted, `${lines} | ${pragma}`)
  }
})

t.test('targeted fields are structured dictionaries', async t => {
  const cases: [string, Partial<AnswerDirectives> | null][] = [
    ['max-age=3600', { maxAge: 3600 }],
    ['max-age=99999999999', { maxAge: 2147483648 }],
    ['max-age=1, max-age=100', { maxAge: 100 }],
    ['max-age=100;foo=bar, no-transform', { maxAge: 100, noTransform: true }],
    ['no-store', { noStore: true }],
    ['private=?0', { isPrivate: true }],
    ['no-cache="a, b"', { noCache: false, noCacheFields: ['a', 'b'] }],
    ['no-cache', { noCache: true }],
    ['max-age="60"', { maxAge: 0 }],
    ['max-age=-5', { maxAge: 0 }],
    ['max-age=5.5', { maxAge: 0 }],
    ['', null],
    ['max-age= 100', null],
    ['MaX-aGe=3600', null],
    ['max-age=10000, &&&&&', null],
    ['max-age=1,', null],
    ['Private', { isMalformed: true }],
    ['max-age=60, no-store &', { isMalformed: true }],
  ]
  for (const [value, wanted] of cases) {
    const parsed = parseTargeted(value)
    if (wanted === null) t.equal(parsed, null, value)
    else t.match(parsed, wanted, value)
  }
})

const garbage = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.constantFrom('"', ',', '=', ' ', '\\', ';', '\t', 'max-age', '60', 'private', 'no-store', 'x', '\u00ff'))
    .map(parts => parts.join('')),
)

t.test('no garbage around private or no-store makes an answer storable, and none throws', async () => {
  const wanted = fc.constantFrom('private', 'no-store', 'Private', 'NO-STORE')
  fc.assert(
    fc.property(garbage, wanted, garbage, (before, word, after) => {
      const directives = answer(`${before}${word}${after}`)
      const isRefused = directives.noStore || directives.isPrivate || directives.isMalformed
      // Only inside a well-formed quoted string, or as an argument, the word is somebody else's.
      return isRefused || before.includes('"') || /=[^\s,]*$/.test(before)
    }),
  )
})

t.test('requests and targeted fields take any text', async () => {
  fc.assert(
    fc.property(garbage, text => {
      asked(text)
      parseTargeted(text)
    }),
  )
})
