import t from 'tap'
import { readRequestFacts } from '../../../../plugins/cache/rules/request-facts.ts'
import { decideReuse, decideStaleIfError, type OriginFailure, type Use } from '../../../../plugins/cache/rules/reuse.ts'
import type { RouteCacheSettings } from '../../../../plugins/cache/rules/types.ts'
import { type Case, flat, kept, type Line, now, request, secondAnswer, settingsOf } from './support.ts'

const date: Line = ['Date', 0]
const etag: Line = ['ETag', '"a"']

function cc(value: string): Line {
  return ['Cache-Control', value]
}

t.test('a second request three seconds later, by freshness', async t => {
  const cases: [string, Line[]][] = [
    ['not_cached', []],
    ['cached', [cc('max-age=3600')]],
    ['not_cached', [cc('max-age=2'), date]],
    ['cached', [cc('max-age=2147483649')]],
    ['not_cached', [date, cc('max-age=3600'), ['Age', 7200]]],
    ['cached', [cc('max-age=3600'), ['Expires', -7200], date]],
    ['cached', [cc('max-age=3600'), ['Expires', 'nonsense'], date]],
    ['not_cached', [['Expires', 3600], cc('max-age=0'), date]],
    ['cached', [cc('s-maxage=3600')]],
    ['not_cached', [cc('max-age=3600'), cc('s-maxage=1')]],
    ['not_cached', [cc('max-age=1, max-age=1800')]],
    ['cached', [cc('max-age="3600"')]],
    ['not_cached', [cc('max-age =3600')]],
    ['cached', [cc('max-age=003600')]],
    ['not_cached', [cc("max-age='3600'")]],
    ['cached', [['Expires', 2592000], date]],
    ['not_cached', [['Expires', 0], date]],
    [
      'not_cached',
      [
        ['Expires', 300],
        ['Date', 400],
      ],
    ],
    [
      'not_cached',
      [
        ['Date', -10],
        ['Expires', 10],
        ['Age', 25],
      ],
    ],
    [
      'not_cached',
      [
        ['Date', 10],
        ['Expires', 20],
        ['Age', 15],
      ],
    ],
    ['not_cached', [['Date', -3600], cc('max-age=1800')]],
    ['cached', [['Expires', 'Thursday, 18-Aug-50 02:01:18 GMT'], date]],
    ['not_cached', [['Expires', 'Thu, 18 Aug 2050 02:01:18 UTC'], date]],
    ['not_cached', [['Expires', 3600], ['Expires', 7200], date]],
    ['cached', [['Expires', 3600], ['Expires', 3600], date]],
    ['not_cached', [cc('max-age=10000, no-cache'), ['Expires', 10000], date]],
    ['validated', [cc('no-cache'), etag]],
    ['validated', [cc('public, max-age=0'), etag]],
    ['cached', [cc('max-age=10000, must-revalidate'), etag]],
    ['cached', [cc('no-cache="a"'), ['a', '1'], cc('max-age=3600'), date]],
    ['cached', [['Pragma', 'no-cache'], cc('max-age=3600')]],
  ]
  for (const [wanted, answer] of cases) t.equal(secondAnswer({ answer }), wanted, flat(answer).join(' '))
})

t.test('Age as it is parsed', async t => {
  const cases: [string, Line[]][] = [
    ['cached', [['Age', 'abc']]],
    ['cached', [['Age', '-7200']]],
    ['cached', [['Age', '7200.5']]],
    ['not_cached', [['Age', '2147483647']]],
    ['not_cached', [['Age', '99999999999999999999']]],
    ['not_cached', [['Age', '7200, 0']]],
    ['cached', [['Age', '0, 7200']]],
    [
      'not_cached',
      [
        ['Age', '7200'],
        ['Age', '0'],
      ],
    ],
    [
      'cached',
      [
        ['Age', '0'],
        ['Age', '7200'],
      ],
    ],
    ['cached', [['Age', '7200;foo=111']]],
  ]
  for (const [wanted, ages] of cases) {
    t.equal(secondAnswer({ answer: [date, cc('max-age=3600'), ...ages] }), wanted, flat(ages).join(' '))
  }
})

t.test('targeted cache control', async t => {
  const cdn = (value: string): Line => ['CDN-Cache-Control', value]
  const cases: [string, Line[]][] = [
    ['cached', [cdn('max-age=3600')]],
    ['cached', [cdn('max-age=99999999999')]],
    ['not_cached', [cc('max-age=1'), cdn('max-age= 100')]],
    ['not_cached', [cdn('max-age=0')]],
    ['not_cached', [cdn('MaX-aGe=3600')]],
    ['cached', [cdn('max-age=3600'), ['Expires', 'nonsense'], date]],
    ['not_cached', [cdn('max-age=0'), ['Expires', 10000], date]],
    ['not_cached', [cc('max-age=3600'), cdn('max-age=1')]],
    ['not_cached', [cdn('no-cache'), cc('max-age=10000'), ['Expires', 10000], date]],
    ['not_cached', [cdn('must-revalidate'), cc('max-age=10000')]],
    ['cached', [cdn('max-age=3600'), cc('no-store')]],
    ['cached', [cdn(''), cc('max-age=3600')]],
  ]
  for (const [wanted, answer] of cases) t.equal(secondAnswer({ answer }), wanted, flat(answer).join(' '))
})

t.test('a guessed lifetime, only where the route wants one', async t => {
  const settings = { heuristicFreshness: 0.1 }
  const day: Line[] = [['Last-Modified', -86400], date]
  const cases: [string, Case][] = [
    ['validated', { answer: day }],
    ['cached', { answer: day, settings }],
    ['validated', { answer: [['Last-Modified', -5], date], settings }],
    ['validated', { answer: [['Last-Modified', 86400], date], settings }],
    ['cached', { status: 203, answer: day, settings }],
    ['cached', { status: 410, answer: day, settings }],
    ['cached', { status: 414, answer: day, settings }],
    ['not_cached', { status: 202, answer: day, settings }],
    ['not_cached', { status: 403, answer: day, settings }],
    ['not_cached', { status: 504, answer: day, settings }],
    ['not_cached', { status: 599, answer: day, settings }],
    ['cached', { status: 599, answer: [...day, cc('public')], settings }],
    ['validated', { answer: [...day, cc('no-cache')], settings }],
    ['validated', { answer: [...day, ['Pragma', 'no-cache']], settings }],
    ['validated', { answer: day, settings, request: request([], { target: '/a?b' }) }],
    ['not_cached', { answer: day, settings, request: request([['Cookie', 'a=b']]) }],
  ]
  for (const [wanted, given] of cases) t.equal(secondAnswer(given), wanted, JSON.stringify(given))
  const old = kept([['Last-Modified', -86400 * 1000], date], { settings })
  t.equal(old.freshness.lifetimeMs, 24 * 60 * 60 * 1000, 'no guess is longer than a day')
})

t.test('somebody with a cookie is not given by a guess of the route what a stranger got', async t => {
  const day: Line[] = [['Last-Modified', -86400], date]
  const guess = { heuristicFreshness: 0.1 }
  const window = { staleWhileRevalidateMs: 60_000 }
  const cases: [string, string, Case][] = [
    ['cached', 'validated', { answer: day, settings: guess }],
    ['cached', 'cached', { answer: [...day, cc('public')], settings: guess }],
    ['cached', 'cached', { answer: [...day, cc('max-age=60')], settings: guess }],
    ['stale-while-revalidate', 'validated', { answer: [etag, date], settings: window }],
    ['stale-while-revalidate', 'not_cached', { answer: [date], settings: window }],
    ['stale-while-revalidate', 'validated', { answer: [etag, date, cc('max-age=0')], settings: window }],
    ['stale-while-revalidate', 'stale-while-revalidate', { answer: [etag, date, cc('max-age=1')], settings: window }],
    ['stale-while-revalidate', 'stale-while-revalidate', { answer: [etag, date, cc('public')], settings: window }],
    [
      'stale-while-revalidate',
      'stale-while-revalidate',
      { answer: [etag, date, cc('max-age=0, stale-while-revalidate=9')] },
    ],
  ]
  for (const [stranger, known, given] of cases) {
    t.equal(secondAnswer(given), stranger, `a stranger: ${JSON.stringify(given)}`)
    t.equal(secondAnswer(given, request([['Cookie', 'a=b']])), known, `with a cookie: ${JSON.stringify(given)}`)
  }
})

t.test('what a request asks for', async t => {
  const hour = { answer: [cc('max-age=3600'), date] }
  const stale = { answer: [cc('max-age=2'), date] }
  const cases: [string, Case, Line[]][] = [
    ['not_cached', hour, [cc('max-age=0')]],
    ['not_cached', hour, [cc('max-age=2')]],
    ['cached', hour, [cc('max-age=4')]],
    ['not_cached', hour, [cc('min-fresh=7200')]],
    ['cached', hour, [cc('min-fresh=60')]],
    ['not_cached', hour, [cc('no-cache')]],
    ['not_cached', hour, [['Pragma', 'no-cache']]],
    ['cached', hour, [['Pragma', 'no-cache'], cc('foo')]],
    ['cached', hour, [['Pragma', 'foo']]],
    ['cached', hour, [cc('only-if-cached')]],
    ['cached', { ...hour, settings: { honourRequestDirectives: false } }, [cc('no-cache')]],
    ['stale', stale, [cc('max-stale=1000')]],
    ['stale', stale, [cc('max-stale')]],
    ['not_cached', stale, [cc('max-stale=0')]],
    ['not_cached', stale, []],
    ['gateway-timeout-only-if-cached', stale, [cc('only-if-cached')]],
    ['gateway-timeout-only-if-cached', {}, [cc('only-if-cached')]],
    ['not_cached', { answer: [cc('max-age=2, must-revalidate'), date] }, [cc('max-stale=1000')]],
    ['not_cached', { answer: [cc('max-age=2, proxy-revalidate'), date] }, [cc('max-stale=1000')]],
    ['not_cached', { answer: [cc('s-maxage=2'), date] }, [cc('max-stale=1000')]],
    ['not_cached', hour, [['Authorization', 'x']]],
    ['cached', { answer: [cc('public, max-age=60')] }, [['Authorization', 'x']]],
    ['cached', hour, [['Cookie', 'a=b']]],
  ]
  for (const [wanted, given, lines] of cases) {
    t.equal(secondAnswer(given, request(lines)), wanted, `${JSON.stringify(given)} ${flat(lines).join(' ')}`)
  }
  t.equal(secondAnswer(hour, request([], { method: 'HEAD' })), 'cached')
  t.equal(secondAnswer(hour, request([], { method: 'POST' })), 'not_cached')
})

t.test('stale while it is revalidated', async t => {
  const swr: Use = 'stale-while-revalidate'
  const cases: [string, string, Partial<RouteCacheSettings>, Line[]][] = [
    [swr, 'max-age=1, stale-while-revalidate=3600', {}, []],
    ['validated', 'max-age=1, stale-while-revalidate=1', {}, []],
    [swr, 'max-age=1', { staleWhileRevalidateMs: 60_000 }, []],
    ['validated', 'max-age=1, stale-while-revalidate=0', { staleWhileRevalidateMs: 60_000 }, []],
    ['validated', 'max-age=1, stale-while-revalidate=60, must-revalidate', {}, []],
    ['validated', 's-maxage=1, stale-while-revalidate=60', {}, []],
    ['validated', 'no-cache, max-age=1, stale-while-revalidate=60', {}, []],
    ['validated', 'max-age=1, stale-while-revalidate=60', {}, [cc('no-cache')]],
    [swr, 'max-age=1, stale-while-revalidate=60', {}, [cc('only-if-cached')]],
  ]
  for (const [wanted, value, settings, lines] of cases) {
    t.equal(secondAnswer({ answer: [cc(value), etag], settings }, request(lines)), wanted, value)
  }
})

t.test('stale when the origin fails', async t => {
  const cases: [string, string, OriginFailure, Partial<RouteCacheSettings>, Line[]][] = [
    ['stale-if-error', 'max-age=2, stale-if-error=60', 'connect', {}, []],
    ['stale-if-error', 'max-age=2, stale-if-error=60', 'cut', {}, []],
    ['stale-if-error', 'max-age=2, stale-if-error=60', 'circuit-open', {}, []],
    ['stale-if-error', 'max-age=2, stale-if-error=60', 503, {}, []],
    ['not-an-error', 'max-age=2, stale-if-error=60', 404, {}, []],
    ['not-an-error', 'max-age=2, stale-if-error=60', 501, {}, []],
    ['too-stale', 'max-age=2', 'connect', {}, []],
    ['too-stale', 'max-age=1, stale-if-error=1', 'connect', { staleIfErrorMs: 60_000 }, []],
    ['stale-if-error', 'max-age=2', 'connect', { staleIfErrorMs: 60_000 }, []],
    ['stale-if-error', 'max-age=2', 'connect', {}, [cc('stale-if-error=60')]],
    ['must-revalidate', 'max-age=2, must-revalidate, stale-if-error=60', 'connect', { staleIfErrorMs: 60_000 }, []],
    ['must-revalidate', 'max-age=2, proxy-revalidate', 'connect', { staleIfErrorMs: 60_000 }, []],
    ['must-revalidate', 'max-age=2, s-maxage=2', 'connect', { staleIfErrorMs: 60_000 }, [cc('max-stale')]],
    ['no-cache', 'max-age=2, no-cache', 'connect', { staleIfErrorMs: 60_000 }, []],
    ['request-no-cache', 'max-age=2', 'connect', { staleIfErrorMs: 60_000 }, [cc('no-cache')]],
    ['stale-if-error', 'max-age=2', 'connect', { staleIfErrorMs: 60_000 }, [cc('max-age=0')]],
    ['fresh', 'max-age=60, must-revalidate', 'connect', {}, [cc('max-age=0')]],
    ['authorization', 'max-age=60', 'connect', {}, [['Authorization', 'x']]],
  ]
  for (const [wanted, value, failure, settings, lines] of cases) {
    const facts = readRequestFacts(flat(lines))
    const { use, reason } = decideStaleIfError(
      kept([cc(value), etag]),
      { facts, failure },
      settingsOf(settings),
      now + 3000,
    )
    t.equal(reason, wanted, `${value} ${failure}`)
    t.equal(use, ['stale-if-error', 'fresh'].includes(wanted) ? 'stale-if-error' : 'fail', `${value} ${failure}`)
  }
  const facts = readRequestFacts([])
  t.equal(decideStaleIfError(null, { facts, failure: 'connect' }, settingsOf(), now).reason, 'absent')
})

t.test('age and lifetime left are told in milliseconds', async t => {
  const asked = { method: 'GET', hasBody: false, facts: readRequestFacts([]) }
  const head = kept([cc('max-age=100'), ['Age', 30], date])
  t.strictSame(decideReuse(head, asked, settingsOf(), now + 3500), {
    use: 'fresh',
    reason: 'fresh',
    ageMs: 33_500,
    ttlMs: 66_500,
  })
  t.equal(decideReuse(head, asked, settingsOf(), now - 5000).ageMs, 30_000, 'a clock that runs backwards')
  t.equal(decideReuse(head, { ...asked, hasBody: true }, settingsOf(), now).reason, 'request-body')
})
