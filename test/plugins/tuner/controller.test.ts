/**
 * The controller: the same windows always lead to the same ledger, whatever the windows hold, and no knob ever leaves its
 * bounds.
 */
import fc from 'fast-check'
import t from 'tap'
import { createController } from '../../../plugins/tuner/controller.ts'
import { hardBounds } from '../../../plugins/tuner/guard/book.ts'
import type { AttemptSample, ControllerMeta, Decisions, TunerWindow } from '../../../plugins/tuner/types.ts'
import { anyWindows } from './any-window.ts'

const meta: ControllerMeta = {
  upstreams: [{ id: 'u' }],
  routes: [{ id: 'r', upstream: 'u', slo: { goodMs: 300, badMs: 3000 }, contentType: 'json' }],
}

interface Load {
  readonly inflight: number
  readonly ms: number
  readonly count?: number
  readonly waiting?: number
  readonly failing?: number
}

/** A second in which attempts ran so many at once and took so long. */
function second(t: number, { inflight, ms, count = 30, waiting = 0, failing = 0 }: Load): TunerWindow {
  const attempts: AttemptSample[] = Array.from({ length: count }, (_, i) => {
    const kind = i < failing ? '5xx' : 'ok'
    return { t, route: 'r', upstream: 'u', ms: kind === 'ok' ? ms : 5, kind, inflight, try: 1 }
  })
  const ok = count - failing
  const upstream = {
    arrivals: count,
    attempts: count,
    ok,
    err5xx: failing,
    inflightAvg: inflight,
    inflightMax: inflight,
  }
  return {
    t,
    windowMs: 1000,
    upstreams: { u: { ...upstream, queueNow: waiting, queueMax: waiting, limitedFrac: waiting > 0 ? 1 : 0 } },
    routes: { r: { arrivals: count, ok, fail: failing, utility: ok } },
    attempts,
  }
}

const limitIn = (all: readonly (Decisions | null)[]) =>
  all.flatMap(decisions => decisions?.upstreams?.['u']?.maxConcurrency ?? [])

t.test('while attempts are as fast as alone, requests that wait for the limit soon get it', async t => {
  const controller = createController(meta)
  let now = 0
  const run = (load: Load, seconds: number) =>
    Array.from({ length: seconds }, () => controller.observe(second(now++ * 1000, load)))
  run({ inflight: 1, ms: 50 }, 5)
  const limits: number[] = []
  for (let i = 0; i < 15; i++) {
    const limit = limits.at(-1) ?? 16
    limits.push(...limitIn(run({ inflight: limit, ms: 52, count: 10 * limit, waiting: 50 }, 1)))
  }
  t.ok((limits.at(-1) ?? 0) >= 128, `to ${limits.join(', ')}`)
})

t.test(
  'a crowded upstream is given fewer requests at once, and as many as before when that costs throughput',
  async t => {
    const controller = createController(meta)
    let now = 0
    const run = (load: Load, seconds: number) =>
      Array.from({ length: seconds }, () => controller.observe(second(now++ * 1000, load)))
    run({ inflight: 1, ms: 50 }, 5)
    let first = 16
    // Only until the limit falls: from then on less is finished.
    for (let i = 0; i < 3 && first === 16; i++) [first = 16] = limitIn(run({ inflight: 16, ms: 400, waiting: 20 }, 1))
    t.ok(first < 16, `from 16 to ${first}`)
    t.equal(controller.log.at(-1)?.knob, 'maxConcurrency')
    t.match(controller.log.at(-1)?.hypothesis, /8 times as slow as alone/)
    const limits = limitIn(run({ inflight: first, ms: 90, count: 10, waiting: 20 }, 20))
    t.ok(limits.includes(16), `a third of the throughput was lost: ${limits}`)
    t.ok(controller.log.some(({ verdict }) => verdict === 'undone'))
  },
)

t.test(
  'what an upstream that answers at once needs under load is the turn of the gateway, and nobody waits for it',
  async t => {
    const controller = createController(meta)
    const decisions = Array.from({ length: 30 }, (_, i) =>
      controller.observe(
        second(i * 1000, i < 5 ? { inflight: 1, ms: 0.3 } : { inflight: 16, ms: 4, count: 200, waiting: 34 }),
      ),
    )
    const limits = limitIn(decisions.slice(5))
    t.ok(limits.length > 0)
    t.ok(
      limits.every((limit, i) => limit > (limits[i - 1] ?? 16)),
      `only upwards: ${limits}`,
    )
  },
)

t.test(
  'where quick answers set the time alone, a step that costs throughput is taken back, and only that one',
  async t => {
    const controller = createController(meta)
    let now = 0
    const run = (load: Load, seconds: number) =>
      Array.from({ length: seconds }, () => controller.observe(second(now++ * 1000, load)))
    run({ inflight: 1, ms: 2, count: 25 }, 5)
    // Four workers of 50 ms each.
    let limit = 16
    const limits: number[] = []
    for (let i = 0; i < 60; i++) {
      const ms = 50 * Math.max(1, limit / 4)
      const count = Math.min(4, limit) * 20
      for (const next of limitIn(run({ inflight: limit, ms, count, waiting: 50 }, 1))) {
        limits.push(next)
        limit = next
      }
    }
    t.ok(limits.includes(2), `as low as ${limits}`)
    t.ok(limit >= 4 && limit < 16, `and at last ${limit}`)
  },
)

/** Seconds of more load than `workers` of 50 ms can bear, from the first on; the limits that are tried. */
function overloadedFromTheStart(workers: number): number[] {
  const controller = createController(meta)
  const limits = [16]
  for (let i = 0; i < 90; i++) {
    const inflight = limits.at(-1) as number
    const ms = 50 * Math.max(1, inflight / workers)
    const load = { inflight, ms, count: 20 * Math.min(workers, inflight), waiting: 100 }
    limits.push(...limitIn([controller.observe(second(i * 1000, load))]))
  }
  return limits
}

t.test(
  'an upstream that was never seen with few at once is not taken for one that answers so slowly alone',
  async t => {
    const limits = overloadedFromTheStart(1)
    t.ok((limits.at(-1) as number) <= 4, `one worker: ${limits}`)
  },
)

t.test('one with room to spare is found to have it within seconds', async t => {
  const limits = overloadedFromTheStart(200)
  t.ok((limits.at(-1) as number) >= 128, `two hundred workers: ${limits}`)
  t.ok(Math.min(...limits) >= 8, 'one step down, taken back')
})

t.test('a limit that holds back an upstream with room to spare grows', async t => {
  const controller = createController(meta)
  const decisions = Array.from({ length: 10 }, (_, i) =>
    controller.observe(second(i * 1000, { inflight: i < 3 ? 1 : 16, ms: 50, waiting: i < 3 ? 0 : 20 })),
  )
  t.ok(Math.max(...limitIn(decisions)) > 16)
})

t.test('slots that are held again and again are added to, and a single blockage is forgotten', async t => {
  const controller = createController(meta)
  let now = 0
  const run = (load: Load, seconds: number) =>
    limitIn(Array.from({ length: seconds }, () => controller.observe(second(now++ * 1000, load))))
  const limits = [16]
  /** Blocked for some seconds, then as fast as ever; the limit that remains. */
  const block = () => {
    for (let i = 0; i < 4; i++) {
      const inflight = limits.at(-1) as number
      limits.push(...run({ inflight, ms: 50, count: 0, waiting: 9 }, 1))
    }
    limits.push(...run({ inflight: 1, ms: 50 }, 4))
    return limits.at(-1) as number
  }
  const goneBack = () => controller.log.filter(({ hypothesis }) => hypothesis === 'the upstream answers again').length
  run({ inflight: 1, ms: 50 }, 5)
  for (let i = 0; i < 10; i++) limits.push(...run({ inflight: limits.at(-1) as number, ms: 600, waiting: 20 }, 1))
  const crowded = limits.at(-1) as number
  t.ok(crowded < 8, `down to ${crowded}`)
  t.equal(block(), crowded, 'a single one')
  t.equal(goneBack(), 1)
  const again = block()
  t.ok(again >= 2 * crowded, `another within a minute: ${again}`)
  t.equal(goneBack(), 1)
  run({ inflight: 1, ms: 50 }, 70)
  block()
  t.equal(goneBack(), 2, 'much later it is a single one again')
})

t.test('a quiet upstream is left alone', async t => {
  const controller = createController(meta)
  for (let i = 0; i < 600; i++)
    controller.observe(second(i * 1000, { inflight: 1, ms: 30 + (i % 7) * 40, count: i % 2 }))
  t.strictSame(controller.log, [])
})

t.test('retries that never help are stopped', async t => {
  const controller = createController(meta)
  for (let i = 0; i < 10; i++) {
    const window = second(i * 1000, { inflight: 2, ms: 50, failing: 10 })
    const again = window.attempts?.slice(0, 8).map(sample => ({ ...sample, try: 2 })) ?? []
    controller.observe({ ...window, attempts: [...(window.attempts ?? []), ...again] })
  }
  t.equal(controller.value('route', 'r', 'attempts'), 1)
})

t.test('a knob that somebody else has moved goes back, unless it is pinned', async t => {
  const free = createController(meta)
  const pinned = createController({ ...meta, knobs: { u: { maxConcurrency: { pinned: true } } } })
  const moved = (i: number) => ({
    ...second(i * 1000, { inflight: 1, ms: 50 }),
    knobs: { upstreams: { u: { maxConcurrency: 200 } } },
  })
  const told = [free, pinned].map(controller => Array.from({ length: 12 }, (_, i) => controller.observe(moved(i))))
  t.strictSame([...new Set(limitIn(told[0] ?? []))], [16])
  t.strictSame(limitIn(told[1] ?? []), [])
})

t.test('equal windows give an equal ledger, byte for byte, and every knob stays within its bounds', async () => {
  fc.assert(
    fc.property(anyWindows('u', 'r'), windows => {
      const [one, other] = [createController(meta), createController(meta)]
      for (const window of windows) {
        const decisions = one.observe(window)
        if (JSON.stringify(decisions) !== JSON.stringify(other.observe(structuredClone(window)))) return false
        const knobs = [...Object.values(decisions?.upstreams ?? {}), ...Object.values(decisions?.routes ?? {})]
        for (const [name, value] of knobs.flatMap(each => Object.entries(each))) {
          const [min, max] = hardBounds[name] ?? [0, 0]
          if (typeof value === 'number' && !(value >= min && value <= max)) return false
        }
      }
      return JSON.stringify(one.log) === JSON.stringify(other.log)
    }),
    { numRuns: 200 },
  )
})
