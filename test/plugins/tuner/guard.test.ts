/** What keeps the tuner from harm by itself: the way back while nothing is asked, and the last known good. */
import t from 'tap'
import { createController } from '../../../plugins/tuner/controller.ts'
import { Book } from '../../../plugins/tuner/guard/book.ts'
import { decideIdle, IDLE_WINDOWS } from '../../../plugins/tuner/guard/idle.ts'
import { Rollback } from '../../../plugins/tuner/guard/rollback.ts'
import { RouteMemory } from '../../../plugins/tuner/model/route-memory.ts'
import { UpstreamMemory } from '../../../plugins/tuner/model/upstream-memory.ts'
import type { Controller, ControllerMeta, KnobValue, TunerWindow } from '../../../plugins/tuner/types.ts'

const meta: ControllerMeta = {
  upstreams: [{ id: 'u' }],
  routes: [{ id: 'r', upstream: 'u', slo: { goodMs: 300, badMs: 3000 }, contentType: 'json' }],
}

interface Load {
  readonly inflight: number
  readonly ms: number
  readonly waiting?: number
  readonly utility?: number
}

const count = 30

function second(t: number, { inflight, ms, waiting = 0, utility = 1 }: Load): TunerWindow {
  const attempts = Array.from({ length: count }, () => {
    return { t, route: 'r', upstream: 'u', ms, kind: 'ok' as const, inflight, try: 1 }
  })
  const now = { arrivals: count, attempts: count, ok: count, inflightAvg: inflight, inflightMax: inflight }
  return {
    t,
    upstreams: { u: { ...now, queueNow: waiting, queueMax: waiting, limitedFrac: waiting > 0 ? 1 : 0 } },
    routes: { r: { arrivals: count, ok: count, fail: 0, utility: utility * count } },
    attempts,
  }
}

const quiet = (t: number): TunerWindow => ({ t, upstreams: { u: { arrivals: 0 } }, routes: { r: { arrivals: 0 } } })
const limitOf = (controller: Controller) => controller.value('upstream', 'u', 'maxConcurrency') as number

t.test('each minute from the tenth without traffic a tenth of the way home is gone', async t => {
  const minute = (n: number) => IDLE_WINDOWS + 60 * (n - 1)
  const cases: [idle: number, value: KnobValue, home: KnobValue, to: KnobValue | undefined][] = [
    [0, 40, 16, undefined],
    [IDLE_WINDOWS - 1, 40, 16, undefined],
    [minute(1), 40, 16, 38],
    [minute(1) + 1, 40, 16, undefined],
    [minute(6), 26, 16, 24],
    [minute(10), 18, 16, 16],
    [minute(1), 4, 16, 5],
    [minute(1), 17, 16, undefined],
    [minute(10), 17, 16, 16],
    [minute(1), 0.2, 0.1, 0.19],
    [minute(2), 120, null, undefined],
    [minute(10), 120, null, null],
    [minute(10), 16, 16, undefined],
  ]
  for (const [idle, value, home, to] of cases) {
    const decision = decideIdle(idle, value, home)
    const told = decision.move ? decision.to : undefined
    t.same(
      typeof told === 'number' ? Number(told.toFixed(9)) : told,
      to,
      `${idle}: ${value} to ${home}: ${decision.reason}`,
    )
  }
})

/** A limit far from where it began, found under load. */
function crowded(rules: ControllerMeta['knobs'] = {}): { controller: Controller; now: number } {
  const controller = createController({ ...meta, knobs: rules })
  let now = 0
  for (let i = 0; i < 5; i++) controller.observe(second(now++ * 1000, { inflight: 1, ms: 50 }))
  for (let i = 0; i < 60; i++) {
    const inflight = limitOf(controller)
    controller.observe(second(now++ * 1000, { inflight, ms: Math.max(50, 25 * inflight), waiting: 20 }))
  }
  return { controller, now }
}

t.test('what was found under load is given up over ten minutes once nothing has been asked for ten', async t => {
  const { controller, now } = crowded()
  const found = limitOf(controller)
  t.ok(found < 8, `found ${found}`)
  const limits = Array.from({ length: 1300 }, (_, i) => {
    controller.observe(quiet((now + i) * 1000))
    return limitOf(controller)
  })
  t.equal(limits[IDLE_WINDOWS - 2], found, 'not before')
  const [early = 0, late = 0] = [limits[IDLE_WINDOWS + 90], limits[IDLE_WINDOWS + 400]]
  t.ok(found < early && early < late && late < 16, `on the way: ${found}, ${early}, ${late}`)
  t.equal(limits.at(-1), 16)
  t.match(controller.log.at(-1)?.hypothesis, /^nothing was asked for \d+ minutes$/)
})

t.test('traffic in between keeps what was found, and so does a pin', async t => {
  const { controller, now } = crowded()
  const found = limitOf(controller)
  for (let i = 0; i < 1500; i++) {
    controller.observe(i % 500 === 499 ? second((now + i) * 1000, { inflight: 1, ms: 50 }) : quiet((now + i) * 1000))
  }
  t.equal(limitOf(controller), found)
  const rules = { u: { maxConcurrency: { pinned: false } } }
  const pinned = crowded(rules)
  rules.u.maxConcurrency.pinned = true
  for (let i = 0; i < 1300; i++) pinned.controller.observe(quiet((pinned.now + i) * 1000))
  t.equal(limitOf(pinned.controller), found)
})

t.test(
  'what clients lose by a change is given back, and after the fourth time within an hour nothing moves for an hour',
  async t => {
    const book = new Book({})
    const memory = new UpstreamMemory('u')
    memory.routes.push(new RouteMemory({ id: 'r', upstream: 'u' }))
    const rollback = new Rollback(memory, book, 0)
    const scope = 'upstream'
    const limit = () => book.number(scope, 'u', 'maxConcurrency')
    const set = (to: number) => {
      const why = { hypothesis: '', evidence: {}, expected: '' }
      book.change({ scope, target: 'u', knob: 'maxConcurrency', to, ...why })
    }
    const run = (seconds: number, utility: number) => {
      for (let i = 0; i < seconds; i++) {
        book.now++
        book.t = book.now * 1000
        const window = second(book.t, { inflight: 2, ms: 50, utility })
        memory.readWindow(window.upstreams?.['u'])
        rollback.observe(window)
      }
    }
    book.place(scope, 'u', 'maxConcurrency', 16)
    set(8)
    run(200, 0.9)
    run(120, 0.7)
    t.equal(limit(), 8, 'worse, but nothing was moved in between')
    for (let i = 1; i <= 4; i++) {
      run(310, 0.9)
      t.notOk(rollback.isHolding, 'five minutes later')
      set(3)
      run(90, 0.7)
      t.equal(limit(), 8)
      t.ok(rollback.isHolding)
      t.match(book.log.at(-1), { verdict: 'rolled back', evidence: { rollbacks: i } })
    }
    run(301, 0.9)
    t.ok(rollback.isHolding, 'still')
  },
)

t.test(
  'as many requests of more work are another load: what clients lose by it is not the fault of a knob',
  async t => {
    for (const [heavyMs, to] of [
      [10, 16],
      [1000, 8],
    ] as const) {
      const book = new Book({})
      const memory = new UpstreamMemory('u')
      const routes = { page: 10, job: heavyMs }
      for (const [id, ms] of Object.entries(routes)) {
        const route = new RouteMemory({ id, upstream: 'u' })
        for (let i = 0; i < 20; i++) route.readAttempt({ route: id, upstream: 'u', ms, kind: 'ok', inflight: 1 })
        memory.routes.push(route)
      }
      const rollback = new Rollback(memory, book, 0)
      book.place('upstream', 'u', 'maxConcurrency', 16)
      const run = (route: string, utility: number) => {
        for (let i = 0; i < 120; i++) {
          book.now++
          rollback.observe({ t: 0, routes: { [route]: { arrivals: 20, ok: 20, fail: 0, utility: 20 * utility } } })
        }
      }
      run('page', 0.9)
      const why = { hypothesis: '', evidence: {}, expected: '' }
      book.change({ scope: 'upstream', target: 'u', knob: 'maxConcurrency', to: 8, ...why })
      run('job', 0.7)
      t.equal(book.number('upstream', 'u', 'maxConcurrency'), to, `pages of 10 ms, then jobs of ${heavyMs} ms`)
    }
  },
)

t.test(
  'while what was rolled back is held, the limit does not grow, but shrinks where the upstream is crowded',
  async t => {
    const controller = createController(meta)
    let now = 0
    const run = (load: Load, seconds: number) => {
      for (let i = 0; i < seconds; i++) controller.observe(second(now++ * 1000, load))
      return limitOf(controller)
    }
    run({ inflight: 1, ms: 50 }, 130)
    controller.rollback()
    t.equal(run({ inflight: 16, ms: 50, waiting: 20 }, 100), 16, 'nothing is tried')
    const crowded = run({ inflight: 16, ms: 800, waiting: 20 }, 20)
    t.ok(crowded < 16, `down to ${crowded}`)
  },
)
