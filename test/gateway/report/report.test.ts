/** The report from given hours: nothing counted twice, nothing claimed beyond what is kept. */
import t from 'tap'
import { preventedTotals } from '../../../gateway/report/prevented.ts'
import { makeReport, type ReportInput } from '../../../gateway/report/report.ts'
import { reportHtml, reportText } from '../../../gateway/report/show.ts'
import { Signals } from '../../../plugins/contract/index.ts'
import { cellOf, HOUR_MS, type HourCell, type HourEvents } from '../../../plugins/metrics/hours/cell.ts'
import { Tally } from '../../../plugins/metrics/window/tally.ts'
import { recordOf } from '../../plugins/metrics/support.ts'

/** Half an hour after a full one. */
const NOW = Date.UTC(2026, 0, 10, 12, 30)
const HOUR = Math.floor(NOW / HOUR_MS)

/** An hour that began `ago` full hours before the running one. */
function hour(ago: number, count: number, changes: Parameters<typeof recordOf>[0] = {}, route = 'wiki'): HourCell {
  const tally = new Tally()
  for (let i = 0; i < count; i++) tally.record(recordOf({ ms: 100, ...changes }))
  return cellOf(route, HOUR - ago, tally)
}

function report(cells: HourCell[], rest: Partial<ReportInput> & { events?: HourEvents[] } = {}) {
  const { events = [], ...more } = rest
  return makeReport({
    book: { cells, events },
    ...{ uptimeSeconds: 90_000, sinceMs: 24 * HOUR_MS, nowMs: NOW },
    ...more,
  })
}

t.test('hours of the span are added up, others are not', async t => {
  const hit = { cache: 'hit', bytesRaw: 10 }
  const cells = [hour(40, 7), hour(24, 100), hour(3, 100, hit), hour(0, 100, { encodeMs: 1, bytesOut: 400 })]
  const made = report(cells)
  t.match(made.routes, [{ requests: 300, callsAvoided: 100, bytesAvoided: 1000, compressionSavedBytes: 60_000 }])
  t.match(made, { isPartial: false, fromMs: (HOUR - 24) * HOUR_MS, toMs: NOW })
  t.match(report(cells, { sinceMs: 2 * HOUR_MS }).routes, [{ requests: 100 }])
})

t.test('a span of seven days is answered for seven days', async t => {
  const week = Array.from({ length: 168 }, (_, i) => hour(167 - i, 10))
  const made = report(week, { sinceMs: 167 * HOUR_MS, uptimeSeconds: 60 })
  t.match(made, { isPartial: false, routes: [{ requests: 1680 }] })
  t.match(report(week, { sinceMs: 14 * 24 * HOUR_MS }), { isPartial: true, routes: [{ requests: 1680 }] })
})

t.test('it reaches no further back than the gateway knows', async t => {
  const cases = [
    ['it began in the first hour', [hour(0, 1)], 60, NOW - 60_000],
    ['it was started anew since', [hour(5, 1), hour(0, 1)], 60, (HOUR - 5) * HOUR_MS],
    ['nobody asked for anything in its first hours', [hour(2, 1)], 10 * 3600, (HOUR - 2) * HOUR_MS],
  ] as const
  for (const [what, cells, uptimeSeconds, fromMs] of cases)
    t.match(report([...cells], { uptimeSeconds }), { fromMs, isPartial: true }, what)
  t.match(report([]), { fromMs: null, isPartial: true, routes: [] })
})

t.test('percentiles are those of all requests of the span, not of its hours', async t => {
  const [quiet, busy] = [hour(5, 20, { ms: 5000 }), hour(1, 1980, { ms: 10 })]
  const { p95 } = report([quiet, hour(3, 20, { ms: 12 }), busy]).routes[0] ?? {}
  t.ok((p95?.overallMs ?? 99) < 12, 'one in a hundred was slow')
  t.ok((p95?.worstMs ?? 0) > 4700)
  t.equal(p95?.worstAtMs, (HOUR - 5) * HOUR_MS)
})

t.test('failures are counted in hours of a few requests too', async t => {
  const failed = { status: 502 }
  const { routes } = report([hour(20, 270), hour(20, 30, failed), hour(9, 1), hour(9, 2, failed)])
  t.match(routes, [{ requests: 303, errors: 32 }])
})

t.test('a quiet route that fails is told, and of a few requests nothing is called fast', async t => {
  const dead = reportText(report([hour(1, 2, { status: 502 })]))
  t.match(dead, /wiki failed in 2 of 2 requests/)
  t.match(dead, / 100.0 % /)
  t.notMatch(dead, /hardly anything failed|Hardly anything failed/)
  t.match(reportText(report([hour(1, 2)])), /Too few requests to tell how fast: wiki/)
  t.match(reportText(report([hour(1, 11), hour(2, 11)])), /Nothing was notably slow/, 'enough in two hours together')
})

t.test('a route that is always slow is told', async t => {
  const told = reportText(report([hour(2, 50, { ms: 4000 }), hour(1, 50, { ms: 4000 })]))
  t.match(told, /wiki is slow: one in twenty usually takes over 3.9 s/)
})

t.test('it says what was slow and when, and how far back it reaches', async t => {
  const calm = [hour(9, 100), hour(8, 100), hour(7, 100)]
  const told = reportText(report([...calm, hour(6, 100, { ms: 2500 }), hour(5, 20, { status: 500 })]))
  t.match(told, /wiki was slow in the hour from 2026-01-10 06:00 UTC: one in twenty took over 2.5 s, usually 10\d ms/)
  t.match(told, /wiki failed in 20 of 420 requests/)
  t.match(told, /asked for since 2026-01-09 12:30 UTC, but no more is known \(the gateway runs for 25 h\)/)
  t.match(reportText(report([hour(1, 50, { cache: 'hit' })])), /The cache answered 50 requests/)
  t.match(reportText(report(calm)), /Nothing was notably slow/)
  t.match(reportText(report([])), /nothing was asked for/)
})

t.test('what was prevented is counted in the span, by what it came to', async t => {
  const signals = new Signals()
  const held = signals.counter('retry_held_total', 'Held.', 'upstream', 'outcome')
  held.with('won', 'released').add(7)
  held.with('released', 'expired').add(9)
  const again = signals.counter('retry_attempts_total', 'Again.', 'upstream', 'reason')
  again.with('a', 'x').add(2)
  again.with('b', 'y').add(3)
  const counts = preventedTotals(signals)
  t.strictSame(counts, { waitedForApp: 7, sentAgain: 5 })
  const events = [
    { hour: HOUR - 30, counts: { sentAgain: 1000 } },
    { hour: HOUR - 1, counts },
  ]
  const made = report([hour(1, 1)], { events })
  t.match(made.prevented, { waitedForApp: 7, sentAgain: 5, hedgesWon: 0, refusedInOverload: 0 })
  t.match(reportText(made), /Requests that waited for an app that was restarting, and went on: 7\./)
})

t.test('no name of a route gets into the page as markup, or into the terminal as a command', async t => {
  const made = report([hour(1, 50, { status: 500 }, '<img src=x>\u001b[2J')])
  t.notMatch(reportHtml(made), /<img/)
  t.match(reportHtml(made), /&lt;img src=x>/)
  for (const text of [reportText(made), reportHtml(made)]) t.notOk(text.includes('\u001b'))
})
