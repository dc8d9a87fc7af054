/**
 * The limit of concurrency where what is seen misleads: a route that is only ever seen in a crowd, a step that costs half
 * of all, a restart in the middle of a step.
 */
import t from 'tap'
import { createController } from '../../../plugins/tuner/controller.ts'
import type { AttemptSample, Controller, ControllerMeta, TunerWindow } from '../../../plugins/tuner/types.ts'

const meta: ControllerMeta = {
  upstreams: [{ id: 'u' }],
  routes: [
    { id: 'often', upstream: 'u', slo: { goodMs: 300, badMs: 3000 } },
    { id: 'burst', upstream: 'u', slo: { goodMs: 300, badMs: 3000 } },
  ],
}

interface Load {
  readonly route: 'often' | 'burst'
  /** Requests that come. */
  readonly rate: number
  /** What it works on at once, each for 50 ms. */
  readonly workers: number
  readonly isDown?: boolean
}

/** An app that shares its workers among all who are let in. */
class App {
  readonly controller: Controller
  #now = 0
  #queued = 0

  constructor() {
    this.controller = createController(meta)
  }

  get limit(): number {
    return this.controller.value('upstream', 'u', 'maxConcurrency') as number
  }

  /** The limits of the next seconds. */
  run(seconds: number, load: Load): number[] {
    return Array.from({ length: seconds }, () => {
      this.controller.observe(load.isDown ? this.#refusing(load) : this.#second(load))
      return this.limit
    })
  }

  /** A second in which admission tells what it has found. */
  find(found: Record<string, number>): void {
    this.controller.observe(this.#window(found, []))
  }

  #second({ route, rate, workers }: Load): TunerWindow {
    const most = 20 * Math.min(workers, this.limit)
    const ok = Math.min(most, rate + this.#queued)
    this.#queued = Math.min(200, this.#queued + rate - ok)
    const inflight = ok < most ? Math.ceil(ok / 20) : this.limit
    const ms = 50 * Math.max(1, inflight / workers)
    const attempts: AttemptSample[] = Array.from({ length: ok }, () => {
      return { route, upstream: 'u', ms, kind: 'ok', inflight, try: 1 }
    })
    return this.#window({ arrivals: rate, attempts: ok, ok, inflightAvg: inflight, inflightMax: inflight }, attempts)
  }

  #refusing({ rate }: Load): TunerWindow {
    return this.#window({ arrivals: rate, attempts: 4, ok: 0, connectErr: 4, inflightAvg: 0, inflightMax: 1 }, [])
  }

  #window(upstream: Record<string, number>, attempts: AttemptSample[]): TunerWindow {
    const queue = { queueNow: this.#queued, queueMax: this.#queued, limitedFrac: this.#queued > 0 ? 1 : 0 }
    return { t: 1000 * this.#now++, upstreams: { u: { ...upstream, ...queue } }, attempts }
  }
}

t.test('a route that was never seen with few beside it says nothing of room, though another was', async t => {
  const app = new App()
  app.run(60, { route: 'often', rate: 5, workers: 4 })
  const limits = app.run(60, { route: 'burst', rate: 200, workers: 4 })
  t.ok(Math.max(...limits) <= 16, `never upwards: ${[...new Set(limits)]}`)
  t.ok((limits.at(-1) as number) <= 8, `at last ${limits.at(-1)}`)
})

t.test(
  'a step that costs half of what was finished is taken back without waiting for the end of its check',
  async t => {
    const app = new App()
    const limits = app.run(40, { route: 'burst', rate: 900, workers: 16 })
    const seconds = limits.filter(limit => limit < 16).length
    t.ok(seconds >= 1 && seconds <= 2, `${seconds} s below what it can do: ${limits}`)
  },
)

/** Grown in steps under load; the load goes on until a step is being checked. */
function growing(): App {
  const app = new App()
  app.run(60, { route: 'often', rate: 20, workers: 40 })
  const isPending = () => app.controller.log.at(-1)?.verdict === 'pending'
  for (let i = 0; i < 30 && !isPending(); i++) app.run(1, { route: 'often', rate: 2000, workers: 40 })
  return app
}

t.test('a restart in the middle of a step takes it back', async t => {
  const app = growing()
  const tried = app.limit
  t.ok(tried > 16)
  app.run(5, { route: 'often', rate: 200, workers: 40, isDown: true })
  t.ok(app.limit < tried, `from ${tried} to ${app.limit}`)
  t.match(app.controller.log.at(-1)?.hypothesis, /connections are refused/)
})

t.test('and where no more ran than before it, the restart is not taken for its doing', async t => {
  const app = growing()
  app.run(5, { route: 'often', rate: 200, workers: 40, isDown: true })
  const limits = app.run(60, { route: 'often', rate: 2000, workers: 40 })
  t.ok((limits.at(-1) as number) >= 32, `grows again: ${[...new Set(limits)]}`)
})

t.test('but where more ran, it is not let in so many again for an hour', async t => {
  const app = growing()
  const tried = app.limit
  app.run(1, { route: 'often', rate: 2000, workers: 40 })
  app.run(5, { route: 'often', rate: 200, workers: 40, isDown: true })
  const limits = app.run(600, { route: 'often', rate: 2000, workers: 40 })
  t.ok(Math.max(...limits) < tried, `below ${tried}: ${[...new Set(limits)]}`)
  t.ok(Math.max(...limits) >= 16, 'but as many as before')
})

t.test('what admission has found in the first crowd is taken on, checked and told', async t => {
  const app = new App()
  app.run(20, { route: 'often', rate: 5, workers: 4 })
  app.find({ foundAtFirst: 6, aloneAtFirstMs: 50 })
  t.equal(app.limit, 6)
  t.match(app.controller.log.at(-1), { from: 16, to: 6, verdict: 'pending', hypothesis: /first answers of a crowd/ })
  const limits = app.run(30, { route: 'often', rate: 100, workers: 4 })
  t.ok(Math.min(...limits) >= 5, `${limits}`)
  t.match(
    app.controller.log.find(({ to }) => to === 6),
    { verdict: 'kept' },
  )
})

t.test('and taken back where it costs what was finished', async t => {
  const app = new App()
  app.run(20, { route: 'often', rate: 5, workers: 16 })
  app.run(1, { route: 'often', rate: 900, workers: 16 })
  app.find({ foundAtFirst: 6, aloneAtFirstMs: 50 })
  const limits = app.run(20, { route: 'often', rate: 900, workers: 16 })
  t.ok((limits.at(-1) as number) >= 16, `${limits}`)
})

t.test('a find that is no step down, or is none, changes nothing', async t => {
  for (const foundAtFirst of [0, 16, 40, Number.NaN, -3]) {
    const app = new App()
    app.find({ foundAtFirst })
    t.equal(app.limit, 16)
  }
})
