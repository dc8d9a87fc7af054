/** The report from given analyses: nothing counted twice, nothing claimed beyond what is kept. */
import t from 'tap'
import { makeReport, type ReportInput } from '../../../gateway/report/report.ts'
import { reportHtml, reportText } from '../../../gateway/report/show.ts'
import type { RouteAnalysis } from '../../../plugins/metrics/index.ts'

const MINUTE = 60_000
const NOW = Date.UTC(2026, 0, 2, 12)

/** Five minutes of a route that end `agoMin` before now. */
function window(agoMin: number, rest: Partial<RouteAnalysis> & { p95?: number } = {}): RouteAnalysis {
  const { p95 = 100, ...more } = rest
  return {
    ...{
      route: 'wiki',
      atMs: NOW - agoMin * MINUTE,
      windowMs: 5 * MINUTE,
      count: 100,
      isSufficient: true,
      longHeld: 0,
    },
    ...{ requestsPerSecond: 1, firstByteMs: null, bytes: null, bytesIn: 0, bytesOut: 0 },
    ms: { count: 100, mean: 50, p50: 40, p95, p99: 200, max: 300 },
    ...{
      errors: 0,
      clientErrors: 0,
      errorRate: 0,
      clientErrorRate: 0,
      successRate: 1,
      leftRate: 0,
      queueMs: 0,
      trend: null,
    },
    cache: { hits: 10, misses: 90, hitRatio: 0.1, callsAvoided: 10, bytesAvoided: 1000 },
    compression: { encoded: 1, bytesSaved: 2048, ratio: 0.5, cpuMs: 1 },
    ...more,
  }
}

function report(now: RouteAnalysis[], history: RouteAnalysis[], rest: Partial<ReportInput> = {}) {
  const times = { uptimeSeconds: 90_000, sinceMs: 60 * MINUTE, nowMs: NOW }
  return makeReport({ analyses: { now, history: { wiki: history } }, signals: {}, ...times, ...rest })
}

t.test('windows of the span are added up, others are not', async t => {
  const { routes, isPartial, fromMs } = report([], [window(70), window(58), window(30), window(2)])
  t.match(routes, [{ requests: 300, callsAvoided: 30, compressionSavedBytes: 3 * 2048 }])
  t.equal(isPartial, false)
  t.equal(fromMs, NOW - 63 * MINUTE)
})

t.test('the running window counts where it tells of nothing twice', async t => {
  t.match(report([window(0)], [window(2)]).routes, [{ requests: 100 }])
  t.match(report([window(0)], [window(5)]).routes, [{ requests: 200 }])
  t.match(report([window(0, { count: 0 })], []).routes, [], 'a route that nobody asked for is not told')
})

t.test('failures are counted in windows of a few requests too', async t => {
  const few = window(10, { count: 3, errors: 2, errorRate: null, ms: null })
  const { routes } = report([], [window(20, { count: 300, errors: 30 }), few, window(5)])
  t.match(routes, [{ requests: 403, errors: 32 }])
})

t.test('a quiet route that fails is told, and of a few requests nothing is called fast', async t => {
  const few = { isSufficient: false, count: 2, errorRate: null, ms: null }
  const dead = reportText(report([], [window(5, { ...few, errors: 2 })]))
  t.match(dead, /wiki failed in 2 of 2 requests/)
  t.match(dead, / 100.0 % /)
  t.notMatch(dead, /hardly anything failed|Hardly anything failed/)
  t.match(reportText(report([], [window(5, few)])), /Too few requests to tell how fast: wiki/)
})

t.test('a route that is always slow is told', async t => {
  const told = reportText(report([], [window(10, { p95: 4000 }), window(5, { p95: 4200 })]))
  t.match(told, /wiki is slow: one in twenty usually takes over 4.0 s/)
})

t.test('it says what was slow and when, and how far back it reaches', async t => {
  const calm = [window(25), window(20), window(15)]
  const told = reportText(report([], [...calm, window(10, { p95: 2500 }), window(5, { errors: 20 })]))
  t.match(told, /wiki was slow at 2026-01-02 11:50 UTC: one in twenty took over 2.5 s, usually 100 ms/)
  t.match(told, /wiki failed in 20 of 500 requests/)
  t.match(told, /asked for since 2026-01-02 11:00 UTC, but no more is kept \(the gateway runs for 25 h\)/)
  t.match(told, /The cache answered 50 requests/)
  t.match(reportText(report([], calm)), /Nothing was notably slow/)
  t.match(reportText(report([], [])), /nothing was asked for/)
})

t.test('it reaches no further back than the gateway runs', async t => {
  t.equal(report([window(0)], [], { uptimeSeconds: 60 }).fromMs, NOW - MINUTE)
})

t.test('what was prevented is counted by what it came to', async t => {
  const line = (labels: Record<string, string>, value: number) => ({ labels, value })
  const signals = {
    retry_held_total: [line({ upstream: 'a', outcome: 'released' }, 7), line({ upstream: 'a', outcome: 'expired' }, 9)],
    retry_attempts_total: [line({ upstream: 'a', reason: 'x' }, 2), line({ upstream: 'b', reason: 'y' }, 3)],
  }
  const made = report([], [window(5)], { signals })
  t.match(made.preventedSinceStart, { waitedForApp: 7, sentAgain: 5, hedgesWon: 0, refusedInOverload: 0 })
  t.match(reportText(made), /Requests that waited for an app that was restarting, and went on: 7 /)
})

t.test('no name of a route gets into the page as markup, or into the terminal as a command', async t => {
  const route = '<img src=x>\u001b[2J'
  const made = makeReport({
    analyses: { now: [], history: { [route]: [window(5, { route, errors: 50 })] } },
    ...{ signals: {}, uptimeSeconds: 1, sinceMs: 60 * MINUTE, nowMs: NOW },
  })
  t.notMatch(reportHtml(made), /<img/)
  t.match(reportHtml(made), /&lt;img src=x>/)
  for (const text of [reportText(made), reportHtml(made)]) t.notOk(text.includes('\u001b'))
})
