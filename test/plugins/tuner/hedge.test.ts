/** When a slow attempt is raced, and when not any more. */
import t from 'tap'
import { createController } from '../../../plugins/tuner/controller.ts'
import type { AttemptSample, TunerWindow } from '../../../plugins/tuner/types.ts'

interface Load {
  /** Attempts a second. */
  readonly rate: number
  /** One in so many is slow. */
  readonly slowOneIn: number
  /** Share of the requests that a second attempt is made for, once a delay is set. */
  readonly hedged?: number
  /** Share of the second attempts that win. */
  readonly winning?: number
}

/** An upstream in use for some time; returns the delays that were decided, by second. */
function run({ rate, slowOneIn, hedged = 1 / slowOneIn, winning = 1 }: Load, seconds: number) {
  const route = { id: 'r', upstream: 'u', slo: { goodMs: 200, badMs: 1500 } }
  const controller = createController({ upstreams: [{ id: 'u' }], routes: [route] })
  const delays: (readonly [second: number, delayMs: number | null])[] = []
  let isOn = false
  let made = 0
  let won = 0
  let n = 0
  for (let second = 0; second < seconds; second++) {
    const count = Math.floor(rate * (second + 1)) - Math.floor(rate * second)
    const attempts: AttemptSample[] = Array.from({ length: count }, () => {
      const ms = ++n % slowOneIn === 0 ? 1400 : 30 + (n % 17)
      return { route: 'r', upstream: 'u', ms, kind: 'ok', inflight: 1, try: 1 }
    })
    const before = [Math.floor(made), Math.floor(won)] as const
    if (isOn) {
      made += hedged * count
      won += hedged * winning * count
    }
    const counts = {
      arrivals: count,
      ok: count,
      hedges: Math.floor(made) - before[0],
      hedgeWins: Math.floor(won) - before[1],
    }
    const window: TunerWindow = {
      t: second * 1000,
      upstreams: { u: { arrivals: count, attempts: count, ok: count, inflightAvg: 0.5, inflightMax: 1 } },
      routes: { r: counts },
      attempts,
    }
    const delayMs = controller.observe(window)?.routes?.['r']?.hedgeDelayMs
    if (delayMs === undefined || delayMs === (delays.at(-1)?.[1] ?? null)) continue
    isOn = delayMs !== null
    delays.push([second, delayMs])
  }
  return delays
}

t.test('attempts that are slow by chance are raced within a minute, and go on being raced', async t => {
  const delays = run({ rate: 20, slowOneIn: 20 }, 600)
  t.equal(delays.length, 1, JSON.stringify(delays))
  t.ok((delays[0]?.[0] ?? 60) < 60 && (delays[0]?.[1] ?? 0) < 100, JSON.stringify(delays))
})

t.test('where it could not be known within a minute whether a second attempt wins, none is made', async t => {
  t.same(run({ rate: 0.4, slowOneIn: 20 }, 3600), [])
})

t.test('what a few slow attempts may be by chance is no reason', async t => {
  t.same(run({ rate: 2, slowOneIn: 50 }, 600), [])
})

t.test('where second attempts never win it is over soon, and not tried again for half an hour', async t => {
  const delays = run({ rate: 20, slowOneIn: 20, winning: 0 }, 1700)
  t.equal(delays.length, 2, JSON.stringify(delays))
  const [[on = 0] = [], [off = 0, value] = []] = delays
  t.equal(value, null)
  t.ok(off - on <= 15, `after ${off - on} s`)
})

t.test('a delay that leads to a second attempt for more than one request in ten is raised', async t => {
  const [[, first] = [], [, second] = []] = run({ rate: 20, slowOneIn: 20, hedged: 0.15 }, 60)
  t.ok((second ?? 0) > (first ?? 0), `from ${first} to ${second}`)
})
