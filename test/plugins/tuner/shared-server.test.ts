/** Two routes to one set of origins: what admission limits for both is decided once, and what is each one's own stays so. */
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { type AttemptRecord, clampToBounds, contractOf, Signals } from '../../../plugins/contract/index.ts'
import { Collector } from '../../../plugins/tuner/collector.ts'
import { tuner } from '../../../plugins/tuner/index.ts'
import type { Decisions, TunerWindow } from '../../../plugins/tuner/types.ts'

const ROUTES = ['wiki', 'photos'] as const
const BOUNDS = { min: 2, max: 200, step: 1 }

/** One limit that both name, and a queue of each. */
async function twoRoutes(t: Test, queues: { wiki: number; photos: number }) {
  const app = Fastify()
  const shared = { limit: 16 }
  const own = { ...queues }
  const { tunables } = contractOf(app)
  for (const scope of ROUTES) {
    const unit = 'count' as const
    tunables.declare({
      ...{ name: 'admission.max_concurrency', scope, unit, ...BOUNDS, configured: 16 },
      get: () => shared.limit,
      set: value => {
        shared.limit = clampToBounds(BOUNDS, value)
      },
    })
    tunables.declare({
      ...{ name: 'admission.queue', scope, unit, min: 0, max: 4096, step: 1, configured: queues[scope] },
      get: () => own[scope],
      set: value => {
        own[scope] = value
      },
    })
  }
  const route = (upstream: string) => ({ upstream, server: 'wiki', mode: 'apply' as const })
  await app.register(tuner, { routes: { wiki: route('wiki'), photos: route('photos') } })
  t.teardown(() => app.close())
  return { app, shared, own }
}

/** Alone at first, then in a crowd that fills the limit and the queue. */
function window(t: number, knobs: unknown, queued: number): TunerWindow {
  const [inflight, ms] = t < 4 ? [1, 20] : [16, 400]
  const attempts = Array.from({ length: 40 }, (_, i) => {
    return { route: ROUTES[i % 2] as string, upstream: 'wiki', ms, kind: 'ok' as const, inflight }
  })
  const wiki = { ok: 40, attempts: 40, inflightAvg: inflight, inflightMax: inflight, limitedFrac: t < 4 ? 0 : 1 }
  const route = { arrivals: 20, ok: 20, utility: 20 }
  const upstreams = { wiki: { ...wiki, queueNow: queued, queueMax: queued } }
  return { t: 1000 * t, upstreams, routes: { wiki: route, photos: route }, attempts, knobs }
}

t.test('the limit is moved by one decision, and nobody takes it for a stranger’s hand', async t => {
  const { app, shared } = await twoRoutes(t, { wiki: 256, photos: 256 })
  for (let i = 0; i < 30; i++) app.tuner.observe(window(i, app.tuner.knobs.inForce(), 9))
  t.ok(shared.limit < 16, `${shared.limit}`)
  const aboutLimit = app.tuner.log.filter(({ knob }) => knob === 'maxConcurrency')
  t.ok(aboutLimit.length > 0)
  t.ok(aboutLimit.every(({ target, verdict }) => target === 'wiki' && verdict !== 'rolled back'))
  const told = app.tuner.status().knobs.filter(({ name }) => name === 'admission.max_concurrency')
  t.strictSame(
    told.map(({ scope, target, value }) => [scope, target, value]),
    ROUTES.map(scope => [scope, 'wiki', shared.limit]),
  )
})

t.test('a pin on one of the routes holds the limit of both', async t => {
  const { app, shared } = await twoRoutes(t, { wiki: 256, photos: 256 })
  app.tuner.knobs.pin('photos', 'admission.max_concurrency', 12, 0)
  app.tuner.pinsChanged()
  for (let i = 0; i < 30; i++) app.tuner.observe(window(i, app.tuner.knobs.inForce(), 9))
  t.equal(shared.limit, 12)
})

t.test('queues that are configured to different lengths stay as they are', async t => {
  for (const [queues, isMoved] of [
    [{ wiki: 64, photos: 64 }, true],
    [{ wiki: 64, photos: 100 }, false],
  ] as const) {
    const { app, own } = await twoRoutes(t, queues)
    for (let i = 0; i < 30; i++) app.tuner.observe(window(i, app.tuner.knobs.inForce(), 64))
    if (isMoved) t.ok(own.wiki > 64 && own.photos === own.wiki, `${own.wiki} and ${own.photos}`)
    else t.strictSame(own, queues)
  }
})

t.test('what both groups do counts for the one server, and for each route its own', t => {
  const signals = new Signals()
  const collector = new Collector(signals)
  const goal = { goodMs: 1000, badMs: 10_000 }
  collector.watch({
    wiki: { upstream: 'wiki', server: 'wiki', goal },
    photos: { upstream: 'photos', server: 'wiki', goal },
  })
  const record = (upstream: string, inFlight: number): AttemptRecord => ({
    ...{ endedMs: 0, upstream, origin: 'http://a', kind: 'ok', status: 200, headMs: 20, ms: 21, queueMs: 0 },
    ...{ inFlight, number: 1, isHedge: false, isLongHeld: false },
  })
  for (const each of [record('wiki', 1), record('photos', 2), record('photos', 3), record('elsewhere', 9)])
    collector.attempt(each)
  const running = signals.gauge('admission_in_flight', '', 'upstream')
  const waiting = signals.gauge('admission_waiting', '', 'upstream')
  for (const [wiki, photos] of [
    [2, 5],
    [4, 0],
  ] as const) {
    running.with('wiki').set(3)
    running.with('photos').set(1)
    waiting.with('wiki').set(wiki)
    waiting.with('photos').set(photos)
    collector.tick()
  }
  const { upstreams, routes, attempts } = collector.take({ t: 0, cpuUtil: 0, knobs: {} satisfies Decisions })
  t.match(upstreams?.['wiki'], { attempts: 3, ok: 3, inflightMax: 3, inflightAvg: 4, inflightNow: 4 })
  t.match(upstreams?.['wiki'], { queueMax: 7, queueNow: 4, limitedFrac: 1 })
  t.strictSame(Object.keys(upstreams ?? {}), ['wiki'])
  t.ok(Number(routes?.['photos']?.upP50) > 0)
  t.strictSame(
    attempts?.map(({ route, upstream }) => [route, upstream]),
    [
      ['wiki', 'wiki'],
      ['photos', 'wiki'],
      ['photos', 'wiki'],
    ],
  )
  t.end()
})
