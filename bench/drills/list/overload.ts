import { isGood, quantileMs, type Visit, visitors, worstMs } from '../load.ts'
import { startOrigin } from '../origin.ts'
import type { Drill } from '../types.ts'

/** The app works on one request at a time, so long. */
const WORK_MS = 40
const CAPACITY = 1_000 / WORK_MS
const MS = 20_000
const PATIENCE_MS = 2_000
/** Whoever waits longer has not been served well. */
const GOOD_MS = 1_000
const AFTER_MS = 6_000

export const overload: Drill = {
  name: 'overload',
  title: 'a one-thread app (40 ms a request) at 1.5 times its capacity for 20 s; visitors leave after 2 s',
  asked: 'good answers within 1 s: .9 of the capacity; well again within 2 s; attempts 1.0; the refused told fast',
  async run(run) {
    let free = performance.now()
    // Like an app that has taken a request from its queue: it does not look whether somebody still waits.
    const origin = await startOrigin((_request, response) => {
      const now = performance.now()
      free = Math.max(free, now) + WORK_MS
      setTimeout(() => response.end('done'), free - now)
    }, run.atEnd)
    const { port } = await run.front([origin.port], { capacity: 1 })
    const got = await visitors(port, 1.5 * CAPACITY, MS, { patienceMs: PATIENCE_MS })
    const attempts = origin.requests.length / got.length
    const afterMs = performance.now()
    const after = await visitors(port, 0.5 * CAPACITY, AFTER_MS, { patienceMs: PATIENCE_MS })
    const share = got.filter(isServed).length / (CAPACITY * (MS / 1_000))
    const lastBad = after.filter(visited => !isServed(visited)).at(-1)
    const recoveryMs = lastBad === undefined ? 0 : lastBad.startedMs - afterMs
    const refused = got.filter(({ status }) => status === 503)
    return {
      figures: [
        { name: 'good, share of capacity', value: round(share), isFine: share >= 0.9 },
        { name: 'well again after s', value: round(recoveryMs / 1_000), isFine: recoveryMs <= 2_000 },
        { name: 'attempts', value: round(attempts), isFine: attempts <= 1 },
        { name: 'refused', value: refused.length, isFine: null },
        { name: 'median ms to a refusal', value: quantileMs(refused, 0.5), isFine: null },
        { name: 'worst ms', value: worstMs(got), isFine: null },
      ],
    }
  },
}

function isServed(visited: Visit): boolean {
  return isGood(visited) && visited.ms <= GOOD_MS
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
