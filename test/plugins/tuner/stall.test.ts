/** What silence of an upstream means: blocked, slow by nature, or drowned in its own work. */
import t from 'tap'
import { createController } from '../../../plugins/tuner/controller.ts'
import type { TunerWindow } from '../../../plugins/tuner/types.ts'

interface Part {
  readonly seconds: number
  /** Answers in each second of it; all slots are held where there are none. */
  readonly ok: number
  /** Clients who leave in each second. */
  readonly left?: number
}

/** Returns the limits that were decided, by second. */
function run(parts: readonly Part[]) {
  const controller = createController({
    upstreams: [{ id: 'u' }],
    routes: [{ id: 'r', upstream: 'u', slo: { goodMs: 6000, badMs: 25_000 } }],
  })
  const limits: (readonly [second: number, limit: number])[] = []
  let second = 0
  let done = 0
  for (const { seconds, ok, left = 0 } of parts) {
    for (let i = 0; i < seconds; i++) {
      done += ok
      const count = Math.floor(done + 1e-9)
      done -= count
      const inflight = count > 0 ? 1 : 64
      const attempts = Array.from({ length: count }, () => {
        return { route: 'r', upstream: 'u', ms: 1200, kind: 'ok' as const, inflight, try: 1 }
      })
      const u = { arrivals: 3, attempts: 3, ok: count, inflightAvg: inflight, inflightMax: inflight }
      const window: TunerWindow = {
        t: second * 1000,
        upstreams: { u },
        routes: { r: { arrivals: 3, ok: count, fail: left, utility: count } },
        attempts,
      }
      const limit = controller.observe(window)?.upstreams?.['u']?.maxConcurrency
      if (limit !== undefined && limit !== (limits.at(-1)?.[1] ?? 16)) limits.push([second, limit])
      second++
    }
  }
  return limits
}

t.test('two seconds without an answer are a blockage where many answers a second are usual', async t => {
  const limits = run([
    { seconds: 30, ok: 20 },
    { seconds: 4, ok: 0 },
    { seconds: 5, ok: 20 },
  ])
  t.same(limits, [
    [31, 32],
    [34, 16],
  ])
})

t.test('they are none where answers take seconds', async t => {
  t.same(
    run([
      { seconds: 60, ok: 0.5 },
      { seconds: 8, ok: 0 },
      { seconds: 20, ok: 0.5 },
    ]),
    [],
  )
})

t.test('slots that let nothing through are taken back, however long it lasts', async t => {
  const limits = run([
    { seconds: 30, ok: 20 },
    { seconds: 60, ok: 0 },
  ])
  t.same(
    limits.map(([, limit]) => limit),
    [32, 16],
  )
})

t.test('where clients leave before anything comes back, fewer and fewer may enter and none more', async t => {
  const limits = run([
    { seconds: 30, ok: 20 },
    { seconds: 90, ok: 0, left: 2 },
  ])
  t.same(
    limits.map(([, limit]) => limit),
    [8, 4, 2],
  )
})

t.test('the rollback does not let them in again', async t => {
  const limits = run([
    { seconds: 200, ok: 20 },
    { seconds: 300, ok: 0, left: 20 },
  ])
  t.equal(limits.at(-1)?.[1], 2, JSON.stringify(limits))
})

t.test(
  'where hardly anything ends, so many in flight for so few answers are slow, though few have told so',
  async t => {
    const controller = createController({
      upstreams: [{ id: 'u' }],
      routes: [{ id: 'r', upstream: 'u', slo: { goodMs: 6000, badMs: 25_000 } }],
    })
    for (let i = 0; i < 60; i++) {
      const isBusy = i >= 30
      // One answer in five seconds with 16 in flight: 80 s each.
      const ok = !isBusy || i % 5 === 0 ? 1 : 0
      const inflightAvg = isBusy ? 16 : 1
      const attempt = { route: 'r', upstream: 'u', ms: 1200, kind: 'ok' as const, inflight: 1, try: 1 }
      controller.observe({
        t: i * 1000,
        upstreams: { u: { arrivals: 1, attempts: ok, ok, inflightAvg, inflightMax: 16, limitedFrac: isBusy ? 1 : 0 } },
        routes: { r: { arrivals: 1, ok } },
        attempts: Array.from({ length: isBusy ? 0 : 1 }, () => attempt),
      })
    }
    t.ok(Number(controller.value('upstream', 'u', 'maxConcurrency')) < 8)
  },
)
