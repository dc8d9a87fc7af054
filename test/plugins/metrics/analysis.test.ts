import t from 'tap'
import { type AnalysisInput, analyse } from '../../../plugins/metrics/analysis/analysis.ts'
import { AnalysisHistory, MAX_ANALYSES } from '../../../plugins/metrics/analysis/history.ts'
import { cacheShare, Tally, verdictOf } from '../../../plugins/metrics/window/tally.ts'
import { Window } from '../../../plugins/metrics/window/window.ts'
import { recordOf } from './support.ts'

const inputOf = (tally: Tally, changes: Partial<AnalysisInput> = {}): AnalysisInput => ({
  ...{ route: 'wiki', tally, before: null, windowMs: 100_000, atMs: 1, minSamples: 10 },
  ...changes,
})

const tallyOf = (count: number, changes: Parameters<typeof recordOf>[0] = {}): Tally => {
  const tally = new Tally()
  for (let i = 0; i < count; i++) tally.record(recordOf(changes))
  return tally
}

t.test('a request is judged by whose fault it is', async t => {
  const cases = [
    [200, 'ok', 'success'],
    [304, 'ok', 'success'],
    [404, 'ok', 'client_error'],
    [404, 'refused:no-route', 'client_error'],
    [413, 'HG_BODY_TOO_LARGE', 'client_error'],
    [500, 'ok', 'server_error'],
    [502, 'HG_UPSTREAM_REFUSED', 'gateway_error'],
    [200, 'origin_cut', 'gateway_error'],
    [0, 'HG_UPSTREAM_RESET', 'gateway_error'],
    [499, 'client_left', 'client_left'],
    [200, 'client_left', 'client_left'],
    [101, 'tunnel_idle', 'success'],
  ] as const
  for (const [status, outcome, verdict] of cases)
    t.equal(verdictOf({ status, outcome }), verdict, `${status} ${outcome}`)
})

t.test('a cache that spared the origin is a hit, one that did not a miss, one that had no part neither', async t => {
  const shares = { hits: ['hit', 'stale', 'coalesced', 'stale-if-error'], misses: ['miss', 'revalidated'] }
  for (const word of shares.hits) t.equal(cacheShare(word), 'hits', word)
  for (const word of shares.misses) t.equal(cacheShare(word), 'misses', word)
  for (const word of [null, 'bypass']) t.equal(cacheShare(word), 'none', String(word))
})

t.test('too few requests are counted, and nothing is concluded from them', async t => {
  const tally = tallyOf(6)
  tally.add(tallyOf(2, { status: 502 }))
  tally.add(tallyOf(1, { status: 404 }))
  const analysis = analyse(inputOf(tally))
  t.match(analysis, {
    count: 9,
    errors: 2,
    clientErrors: 1,
    isSufficient: false,
    errorRate: null,
    firstByteMs: null,
    trend: null,
  })
})

t.test('no request at all divides nothing by zero', async t => {
  const analysis = analyse(inputOf(new Tally(), { minSamples: 1 }))
  t.match(analysis, { count: 0, requestsPerSecond: 0, errorRate: null, ms: null, cache: { hitRatio: null } })
})

t.test('errors of the origin and of clients are told apart, and both from successes', async t => {
  const tally = tallyOf(80)
  tally.add(tallyOf(10, { status: 503 }))
  tally.add(tallyOf(6, { status: 401 }))
  tally.add(tallyOf(4, { status: 499, outcome: 'client_left' }))
  t.match(analyse(inputOf(tally)), { errorRate: 0.1, clientErrorRate: 0.06, leftRate: 0.04, successRate: 0.8 })
})

t.test('what is held open by nature is counted, and is in no time', async t => {
  const tally = tallyOf(20, { ms: 10 })
  tally.add(tallyOf(20, { ms: 3_600_000, isLongHeld: true }))
  const { count, longHeld, ms } = analyse(inputOf(tally))
  t.strictSame([count, longHeld, ms?.count], [40, 20, 20])
  t.ok((ms?.p99 ?? 99) < 11)
})

t.test('gains are what the cache kept from the origin and compression from the wire', async t => {
  const tally = tallyOf(10, { cache: 'miss' })
  tally.add(tallyOf(30, { cache: 'hit', attempts: 0 }))
  tally.add(tallyOf(10, { encoding: 'br', bytesOut: 250, encodeMs: 2 }))
  const { cache, compression } = analyse(inputOf(tally))
  t.strictSame(cache, { hits: 30, misses: 10, callsAvoided: 30, bytesAvoided: 30_000, hitRatio: 0.75 })
  t.strictSame(compression, { encoded: 10, bytesSaved: 7500, ratio: 0.25, cpuMs: 20 })
})

t.test('the trend compares medians with the window before', async t => {
  const before = analyse(inputOf(tallyOf(20, { firstByteMs: 10 })))
  for (const [firstByteMs, speed] of [
    [10, 'steady'],
    [20, 'slower'],
    [5, 'faster'],
  ] as const) {
    t.match(analyse(inputOf(tallyOf(20, { firstByteMs }), { before })).trend, { speed }, speed)
  }
})

t.test('a window holds the last spans only, also after a silence of any length', async t => {
  const window = new Window(10_000)
  for (let second = 0; second < 60; second++) window.record(recordOf({ endedMs: second * 1000 }))
  t.equal(window.sum(59_999).count, 11)
  t.equal(window.sum(65_000).count, 5, 'what is too old has gone')
  t.equal(window.sum(10_000_000).count, 0)
  window.record(recordOf({ endedMs: 10_000_100 }))
  t.equal(window.sum(10_000_200).count, 1)
})

t.test('a window may begin at any time', async t => {
  for (let start = 0; start < 20_000; start += 500) {
    const window = new Window(10_000)
    window.record(recordOf({ endedMs: start }))
    t.equal(window.sum(start + 100).count, 1, `at ${start}`)
  }
})

t.test('the last hundred of each route are kept', async t => {
  const history = new AnalysisHistory()
  for (let i = 0; i < MAX_ANALYSES + 5; i++) history.add(analyse(inputOf(tallyOf(1), { atMs: i })))
  const kept = history.all()['wiki'] ?? []
  t.equal(kept.length, MAX_ANALYSES)
  t.equal(kept[0]?.atMs, 5)
  history.keepOnly(route => route !== 'wiki')
  t.equal(history.last('wiki'), null)
})
