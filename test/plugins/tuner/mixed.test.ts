/** Several routes on one upstream: what is held open, and what short and long work leave each other. */
import t from 'tap'
import { createController } from '../../../plugins/tuner/controller.ts'
import { Book } from '../../../plugins/tuner/guard/book.ts'
import { floorOf } from '../../../plugins/tuner/knobs/floor.ts'
import { RouteMemory } from '../../../plugins/tuner/model/route-memory.ts'
import { UpstreamMemory } from '../../../plugins/tuner/model/upstream-memory.ts'
import type { AttemptSample, Controller, TunerWindow } from '../../../plugins/tuner/types.ts'

const start = () =>
  createController({
    upstreams: [{ id: 'u' }],
    routes: [
      { id: 'page', upstream: 'u', slo: { goodMs: 250, badMs: 2500 } },
      { id: 'slow', upstream: 'u', slo: { goodMs: 30_000, badMs: 120_000 } },
    ],
  })

interface Load {
  readonly pageMs: number
  readonly inflight: number
  readonly waiting?: boolean
  /** Requests of the slow route that begin and end in this second, and how long these took. */
  readonly slow: readonly [begun: number, ended: number, ms?: number]
}

function second(
  t: number,
  { pageMs, inflight, waiting = false, slow: [begun, ended, ms = 20_000] }: Load,
): TunerWindow {
  const attempt = (route: string, ms: number): AttemptSample => {
    return { t, route, upstream: 'u', ms, kind: 'ok', inflight: Math.round(inflight), try: 1 }
  }
  const attempts = [
    ...Array.from({ length: 15 }, () => attempt('page', pageMs)),
    ...Array.from({ length: ended }, () => attempt('slow', ms)),
  ]
  const u = { arrivals: 15 + begun, attempts: 15 + begun, ok: 15 + ended, inflightAvg: inflight, inflightMax: inflight }
  return {
    t,
    upstreams: { u: { ...u, limitedFrac: waiting ? 1 : 0 } },
    routes: { page: { arrivals: 15, ok: 15 }, slow: { arrivals: begun, ok: ended } },
    attempts,
  }
}

/** Whether the slow route is found to be held open, and after how many seconds. */
function exemptAt(controller: Controller, loadAt: (i: number) => Load): number | null {
  for (let i = 0; i < 60; i++) {
    if (controller.observe(second(i * 1000, loadAt(i)))?.routes?.['slow']?.exempt === true) return i
  }
  return null
}

t.test('event streams are known by staying open, before the first has ended', async t => {
  const at = exemptAt(start(), i => ({ pageMs: 30, inflight: 1 + i / 4, slow: [i % 4 === 0 ? 1 : 0, 0] }))
  t.ok(at !== null && at < 45, `after ${at} s`)
})

t.test('long work is not taken for them: it slows the others, or some of it is short', async t => {
  t.equal(
    exemptAt(start(), i => ({ pageMs: 30 + 40 * i, inflight: 1 + i / 4, slow: [i % 4 === 0 ? 1 : 0, 0] })),
    null,
  )
  const some = (i: number) => (i % 4 === 0 ? ([2, 1, 900] as const) : ([0, 0] as const))
  t.equal(
    exemptAt(start(), i => ({ pageMs: 30, inflight: 1 + i / 4, slow: some(i) })),
    null,
  )
})

t.test('what waits for a slot is not taken for them either', async t => {
  t.equal(
    exemptAt(start(), i => ({ pageMs: 30, inflight: 2, waiting: true, slow: [i % 4 === 0 ? 1 : 0, 0] })),
    null,
  )
})

t.test('routes that share an upstream are left so many slots that long work cannot have all of them', async t => {
  const controller = start()
  const limit = () => Number(controller.value('upstream', 'u', 'maxConcurrency'))
  for (let i = 0; i < 130; i++) {
    const isBusy = i >= 10
    const inflight = isBusy ? limit() : 1
    controller.observe(second(i * 1000, { pageMs: 30 * inflight, inflight, waiting: isBusy, slow: [0, 0] }))
  }
  t.equal(limit(), 4)
})

t.test('but where none of them takes long, an upstream with one worker may come down to two', async t => {
  const cases: [pageMs: number, otherMs: number | null, exempt: boolean, least: number][] = [
    [20, 100, false, 2],
    [20, 400, false, 4],
    [20, null, false, 4],
    [20, 400, true, 2],
  ]
  for (const [pageMs, otherMs, exempt, least] of cases) {
    const book = new Book({})
    const upstream = new UpstreamMemory('u')
    for (const [id, ms] of Object.entries({ page: pageMs, other: otherMs })) {
      const route = new RouteMemory({ id, upstream: 'u', slo: { goodMs: id === 'page' ? 300 : 2000, badMs: 9000 } })
      for (let i = 0; ms !== null && i < 20; i++) route.readAttempt({ route: id, upstream: 'u', ms, kind: 'ok' })
      upstream.routes.push(route)
    }
    book.place('route', 'other', 'maxShare', 0.75)
    book.place('route', 'other', 'exempt', exempt)
    t.equal(floorOf(upstream, book), least, `${pageMs} ms beside ${otherMs ?? 'unknown'}${exempt ? ', held open' : ''}`)
  }
})
