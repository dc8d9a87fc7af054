/** Health of an origin and the circuit of an upstream, as tables of what happens and what follows. */
import t from 'tap'
import { Circuit, OPEN_AFTER } from '../../../../plugins/upstream/health/circuit.ts'
import { isOutlier, PeakLatency } from '../../../../plugins/upstream/health/latency.ts'
import { CONSECUTIVE_FAILURES, MAX_GROWTH, OriginHealth } from '../../../../plugins/upstream/health/origin-health.ts'

t.test('a failure to connect leaves an origin out at once, an answer takes it back', async t => {
  const health = new OriginHealth(2_000)
  t.equal(health.failed('refused', 1_000), 'connect')
  t.equal(health.stateAt(2_999), 'ejected')
  t.equal(health.stateAt(3_000), 'half-open')
  t.equal(health.succeeded(3_010), true)
  t.equal(health.stateAt(3_010), 'healthy')
})

t.test('the time grows with each ejection up to a bound, and starts again after a calm while', async t => {
  const health = new OriginHealth(100)
  const times: number[] = []
  let now = 1_000
  for (let i = 0; i < 7; i++) {
    health.failed('refused', now)
    times.push(health.untilMs - now)
    now = health.untilMs
  }
  t.strictSame(times, [100, 200, 400, 800, 1_600, 1_600, 1_600])
  t.equal(times.at(-1), 100 * MAX_GROWTH)
  health.succeeded(now + 100_000)
  health.failed('refused', now + 100_001)
  t.equal(health.untilMs, now + 100_101)
})

t.test('failures in a row count until one succeeds; those of clients and queues do not', async t => {
  const health = new OriginHealth(100)
  for (let i = 1; i < CONSECUTIVE_FAILURES; i++) t.equal(health.failed('reset', i), null)
  health.succeeded(10)
  for (let i = 1; i < CONSECUTIVE_FAILURES; i++) t.equal(health.failed('status', 10 + i), null)
  t.equal(health.failed('aborted', 20), null)
  t.equal(health.failed('full', 20), null)
  t.equal(health.failed('headTimeout', 21), 'consecutive')
})

t.test('half of many attempts is too much, even when they alternate', async t => {
  const health = new OriginHealth(100)
  let reason: string | null = null
  for (let i = 0; i < 20 && reason === null; i++) {
    if (i % 2 === 0) health.succeeded(i)
    else reason = health.failed('reset', i)
  }
  t.equal(reason, 'ratio')
})

t.test('the failure of the one request that tries it leaves it out again', async t => {
  const health = new OriginHealth(100)
  health.failed('refused', 0)
  t.equal(health.failed('reset', 150), 'consecutive')
  t.equal(health.untilMs, 350)
})

t.test('a time of zero switches it off', async t => {
  t.equal(new OriginHealth(0).failed('refused', 1), null)
})

t.test('a peak is seen at once and forgotten slowly; an outlier is slow beside the others', async t => {
  const latency = new PeakLatency()
  for (let i = 0; i < 20; i++) latency.note(20, i * 100)
  t.equal(latency.ms, 20)
  latency.note(3_000, 2_100)
  t.equal(latency.ms, 3_000)
  t.equal(isOutlier(latency, 20), false, 'one report that takes long')
  for (let i = 1; i < 20; i++) latency.note(i % 2 === 0 ? 20 : 3_000, 2_100 + i)
  t.equal(isOutlier(latency, 20), false, 'every other one')
  for (let i = 0; i < 5; i++) latency.note(3_000, 2_200 + i)
  t.equal(isOutlier(latency, 20), true)
  t.equal(isOutlier(latency, 1_000), false, 'all are slow')
  latency.note(20, 42_100)
  t.ok(latency.ms < 100)
})

t.test('the circuit opens after waits in a row, lets one through at a time, and closes with an answer', async t => {
  const circuit = new Circuit()
  for (let i = 0; i < 20; i++) circuit.failed('refused', i, '/')
  t.equal(circuit.isOpen, false, 'refusals cost nobody time')
  for (let i = 1; i < OPEN_AFTER; i++) t.equal(circuit.failed('headTimeout', i, '/'), false)
  t.equal(circuit.failed('connectTimeout', 100, '/'), true)
  t.equal(circuit.admit(100, '/'), 2_000)
  t.equal(circuit.admit(2_100, '/'), 0, 'one tries')
  t.equal(circuit.admit(2_100, '/'), 2_000, 'the next one waits for it')
  circuit.failed('headTimeout', 2_200, '/')
  t.equal(circuit.admit(2_200, '/'), 4_000, 'longer each time')
  t.equal(circuit.succeeded(), true)
  t.equal(circuit.admit(2_300, '/'), 0)
})

t.test(
  'long polls that outlast the patience close their own path alone, waits at several paths all of them',
  async t => {
    const circuit = new Circuit()
    for (let i = 0; i < OPEN_AFTER; i++) circuit.failed('headTimeout', 100, `/bosh?rid=${i}`)
    t.equal(circuit.isOpen, true)
    t.equal(circuit.admit(200, '/bosh'), 1_900)
    t.equal(circuit.admit(200, '/app.js'), 0, 'the page comes')
    t.equal(circuit.admit(200, '/boshes'), 0)
    circuit.failed('headTimeout', 300, '/app.js')
    t.not(circuit.admit(301, '/app.js?v=1'), 0, 'a path that is silent as well')
    t.equal(circuit.admit(301, '/'), 0)
    circuit.failed('headTimeout', 302, '/')
    t.not(circuit.admit(303, '/never-asked'), 0, 'the whole app is silent')
    circuit.succeeded()
    for (let i = 0; i < OPEN_AFTER; i++) circuit.failed('headTimeout', 400, '/bosh')
    t.equal(circuit.admit(401, '/'), 0, 'what was silent before the answer no longer counts')
    circuit.failed('connectTimeout', 402, '/bosh')
    t.not(circuit.admit(403, '/'), 0, 'who takes no connection takes none for any path')
  },
)
