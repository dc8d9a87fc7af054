/** How many connections there may be, and how many are kept warm. */
import t from 'tap'
import { createController } from '../../../plugins/tuner/controller.ts'

interface Second {
  readonly inflight: number
  readonly waited?: number
}

/** Windows of one upstream with a pool of 4 to 10; answers are as fast as alone. */
function run(parts: readonly (Second & { readonly seconds: number })[]) {
  const knobs = { u: { poolMax: { configured: 10, min: 1, max: 100 }, poolMin: { configured: 4, min: 0, max: 50 } } }
  const controller = createController({ upstreams: [{ id: 'u' }], routes: [{ id: 'r', upstream: 'u' }], knobs })
  let t = 0
  for (const { seconds, inflight, waited = 0 } of parts) {
    for (let i = 0; i < seconds; i++) {
      const u = {
        arrivals: 5,
        attempts: 5,
        ok: 5,
        inflightAvg: inflight,
        inflightMax: inflight,
        waitedForSocket: waited,
      }
      const attempts = Array.from({ length: 5 }, () => {
        return { route: 'r', upstream: 'u', ms: 40, kind: 'ok' as const, inflight, try: 1 }
      })
      controller.observe({
        t: t++ * 1000,
        upstreams: { u },
        routes: { r: { arrivals: 5, ok: 5, utility: 5 } },
        attempts,
      })
    }
  }
  const value = (knob: string) => controller.value('upstream', 'u', knob)
  return { poolMax: value('poolMax'), poolMin: value('poolMin'), log: controller.log }
}

t.test('a pool grows where requests waited for a socket, and only there', async t => {
  t.equal(run([{ seconds: 120, inflight: 10 }]).poolMax, 10)
  t.equal(run([{ seconds: 2, inflight: 10, waited: 3 }]).poolMax, 10, 'not for two seconds')
  t.equal(run([{ seconds: 30, inflight: 10, waited: 3 }]).poolMax, 13)
})

t.test('as many connections are kept warm as the last minutes used at once, within the pool', async t => {
  t.equal(run([{ seconds: 290, inflight: 8 }]).poolMin, 4, 'nothing is said in the first minutes')
  t.equal(run([{ seconds: 310, inflight: 8 }]).poolMin, 8)
  t.equal(run([{ seconds: 310, inflight: 30 }]).poolMin, 10, 'never more than there may be')
  t.equal(run([{ seconds: 310, inflight: 4.3 }]).poolMin, 5)
  const less = run([
    { seconds: 310, inflight: 8 },
    { seconds: 1500, inflight: 1 },
  ])
  t.equal(less.poolMin, 1, 'and fewer once they are not used')
  t.ok(less.log.length <= 6, `${less.log.length} changes`)
})
