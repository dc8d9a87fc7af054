/**
 * What the supervisor decides and puts together, as tables.
 */
import t from 'tap'
import { mergeCache, mergePurges } from '../../../gateway/workers/merge.ts'
import { mergeExpositions } from '../../../gateway/workers/merge-expositions.ts'
import { mergeRequests, timeOfNumber } from '../../../gateway/workers/merge-requests.ts'
import { HEALTHY_MS, MAX_DELAY_MS, restartDelay } from '../../../gateway/workers/restart-delay.ts'
import { combineGauges } from '../../../gateway/workers/worst-of.ts'

t.test('workers that die at once are replaced later and later, one that has served is replaced at once', t => {
  t.strictSame(
    [1, 2, 3, 4].map(deaths => restartDelay(deaths, 10)),
    [0, 100, 200, 400],
  )
  t.equal(restartDelay(40, 10), MAX_DELAY_MS)
  t.equal(restartDelay(40, HEALTHY_MS), 0)
  t.end()
})

const store = {
  kind: 'memory',
  entries: 2,
  bytes: 100,
  available: true,
  hits: 5,
  misses: 1,
  stored: 2,
  evicted: 0,
  purged: 0,
  failures: 0,
  refused: {},
}
const coded = { made: { br: 1 }, queued: 1, cpuMs: 20, savedBytes: 300, refused: { 'no-gain': 1 } }
const stats = { store, fills: 1, waiters: 2, outcomes: { hit: 5, miss: 1 }, coded }

t.test('caches in memory are added up, a shared store is counted once', t => {
  const memory = mergeCache([stats, { ...stats, outcomes: { hit: 1, stale: 4 } }] as never)
  t.match(memory, { store: { entries: 4, bytes: 200, hits: 10 }, fills: 2, waiters: 4 })
  t.same(memory.coded, { made: { br: 2 }, queued: 2, cpuMs: 40, savedBytes: 600, refused: { 'no-gain': 2 } })
  t.strictSame(memory.outcomes, { hit: 6, miss: 1, stale: 4 })
  const disk = { ...stats, store: { ...store, kind: 'disk' } }
  t.match(mergeCache([disk, disk] as never), { store: { kind: 'disk', entries: 2, bytes: 100, hits: 10 } })
  const lame = { ...disk, store: { ...disk.store, available: false } }
  t.equal(mergeCache([disk, lame] as never).store.available, false)
  t.end()
})

t.test('a purge is complete when it is so everywhere', t => {
  const done = { removed: 2, complete: true }
  t.strictSame(mergePurges([done, done]), { removed: 4, complete: true })
  t.strictSame(mergePurges([done, { removed: 0, complete: false }]), { removed: 2, complete: false })
  t.end()
})

t.test('expositions are added by name and labels; delays take the worst', t => {
  const one = [
    '# HELP hearthgate_requests_total Requests.',
    '# TYPE hearthgate_requests_total counter',
    'hearthgate_requests_total{route="a b"} 3',
    'hearthgate_requests_total{route="c"} 1',
    '',
    '# HELP hearthgate_event_loop_delay_seconds Delay.',
    '# TYPE hearthgate_event_loop_delay_seconds gauge',
    'hearthgate_event_loop_delay_seconds 0.5',
    '',
    '# HELP hearthgate_ttfb_seconds Time.',
    '# TYPE hearthgate_ttfb_seconds histogram',
    'hearthgate_ttfb_seconds_bucket{le="+Inf"} 2',
    'hearthgate_ttfb_seconds_sum 1.5',
    'hearthgate_ttfb_seconds_count 2',
    '',
  ].join('\n')
  const two = one.replace('{route="c"} 1', '{route="d"} 7').replace('seconds 0.5', 'seconds 0.25')
  const lines = mergeExpositions([one, two]).split('\n')
  t.ok(lines.includes('hearthgate_requests_total{route="a b"} 6'))
  t.ok(lines.includes('hearthgate_requests_total{route="c"} 1'))
  t.ok(lines.includes('hearthgate_requests_total{route="d"} 7'))
  t.ok(lines.includes('hearthgate_event_loop_delay_seconds 0.5'))
  t.ok(lines.includes('hearthgate_ttfb_seconds_bucket{le="+Inf"} 4'))
  t.ok(lines.includes('hearthgate_ttfb_seconds_sum 3'))
  t.equal(lines.filter(line => line.startsWith('# TYPE hearthgate_requests_total')).length, 1)
  t.end()
})

t.test('a gauge of several processes is their sum, their worst, or the first to run out', t => {
  t.equal(combineGauges('cache_store_bytes', 2, 3), 5)
  t.equal(combineGauges('hearthgate_event_loop_p99_delay_seconds', 2, 3), 3)
  t.equal(combineGauges('certificate_expiry_timestamp_seconds', 2, 3), 2)
  t.end()
})

t.test('the last requests of several processes are one list, by time', t => {
  const shown = (ms: number, number: number) => ({ at: new Date(ms).toISOString(), number, id: `${ms}` }) as never
  const all = [
    [shown(5000, 9), shown(2000, 8)],
    [shown(6000, 2), shown(4000, 1), shown(3000, 0)],
  ]
  const question = { limit: 100, after: -1, askedMs: 6000 }
  const ids = (list: readonly { readonly id: string }[]) => list.map(({ id }) => id)
  const list = mergeRequests(all, question)
  t.strictSame(ids(list), ['5000', '4000', '3000', '2000'], 'what ended meanwhile is left for the next look')
  t.strictSame(ids(mergeRequests(all, { ...question, limit: 2 })), ['5000', '4000'])
  const after = list[1]?.number ?? 0
  t.strictSame(ids(mergeRequests(all, { ...question, after, askedMs: 7000 })), ['6000', '5000'])
  t.ok(timeOfNumber(after) <= 4000 && timeOfNumber(after) > 3000)
  t.equal(timeOfNumber(-1), 0)
  t.end()
})
