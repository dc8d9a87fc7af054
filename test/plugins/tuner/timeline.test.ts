/** What the dashboard draws: a point every ten seconds with traffic, of the last half hour, for a bounded number of routes. */
import t from 'tap'
import { Timeline } from '../../../plugins/tuner/timeline.ts'

const MINUTE = 60

/** A second of each route, ten times: one point. */
function pass(timeline: Timeline, from: number, seconds: number, routes: readonly string[], limit = 16): void {
  const busy = Object.fromEntries(routes.map(route => [route, { upP50: 20, upP95: 90, arrivals: 3 }]))
  const knobs = new Map(routes.map(route => [route, { 'admission.max_concurrency': limit }]))
  for (let i = 0; i < seconds; i++) timeline.add({ t: 1000 * (from + i), routes: busy }, () => knobs)
}

const point = (scope: string, t: number) => ({ t, scope, p50Ms: 20, p95Ms: 90, requests: 3 })

t.test('latency and knobs stand beside each other, route by route', async t => {
  const timeline = new Timeline()
  pass(timeline, 0, 10, ['wiki', 'photos'])
  pass(timeline, 10, 10, ['wiki'], 4)
  t.strictSame(timeline.points('wiki'), [
    { ...point('wiki', 9000), knobs: { 'admission.max_concurrency': 16 } },
    { ...point('wiki', 19_000), knobs: { 'admission.max_concurrency': 4 } },
  ])
  t.equal(timeline.points(null).length, 3)
  t.strictSame(timeline.points('nobody'), [])
})

t.test('what is older than half an hour is gone, also of a route that nobody asks for any more', async t => {
  const timeline = new Timeline()
  pass(timeline, 0, 10 * MINUTE, ['wiki', 'gone'])
  pass(timeline, 10 * MINUTE, 31 * MINUTE, ['wiki'])
  t.equal(timeline.points('wiki').length, 180)
  t.ok(timeline.points('wiki').every(({ t }) => t >= 1000 * 11 * MINUTE))
  t.strictSame(timeline.points('gone'), [])
})

t.test('of more than fifty routes the first are kept', async t => {
  const timeline = new Timeline()
  const routes = Array.from({ length: 60 }, (_, i) => `r${i}`)
  pass(timeline, 0, 20, routes.slice(0, 30))
  pass(timeline, 20, 20, routes)
  t.equal(new Set(timeline.points(null).map(({ scope }) => scope)).size, 50)
  t.equal(timeline.points('r0').length, 4)
})
