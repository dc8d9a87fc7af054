import t from 'tap'
import {
  calm,
  estimatedWaitMs,
  type LoadNow,
  type OverloadState,
  retryAfterSeconds,
  stepOverload,
} from '../../../../plugins/admission/rules/overload.ts'

const growing: LoadNow = {
  nowMs: 10_000,
  waiting: 10,
  leastWaiting: 8,
  throughput: 25,
  last: { arrivals: 37, ends: 25, refusals: 0 },
  before: { arrivals: 38, ends: 25, refusals: 0 },
  goalMs: 300,
}
const second = (arrivals: number, ends: number, refusals = 0) => ({ arrivals, ends, refusals })
const nothing = second(0, 0)
const overloaded: OverloadState = { phase: 'overloaded', sinceMs: 8_000, trialAfterMs: 4_000 }
const onTrial: OverloadState = { phase: 'trial', sinceMs: 8_000, trialAfterMs: 4_000 }

const cases: readonly (readonly [string, OverloadState, Partial<LoadNow>, OverloadState['phase'], string])[] = [
  ['more comes than ends for two seconds', calm, {}, 'overloaded', 'keeps-growing'],
  ['nobody waits', calm, { waiting: 0 }, 'calm', 'empty'],
  ['who waits will be served soon', calm, { waiting: 7 }, 'calm', 'short-wait'],
  ['a page full of images', calm, { before: second(60, 20), last: second(0, 25) }, 'calm', 'burst'],
  ['burst after burst, each of which was served', calm, { leastWaiting: 0 }, 'calm', 'burst'],
  ['it has only begun', calm, { before: second(20, 20) }, 'calm', 'burst'],
  ['as many clients as before, each with one request', calm, { last: second(26, 25) }, 'calm', 'burst'],
  [
    'as many, but some of them come back as soon as they are refused',
    calm,
    { last: second(37, 25, 12) },
    'calm',
    'burst',
  ],
  ['by chance', calm, { last: second(3, 2), throughput: 2 }, 'calm', 'burst'],
  [
    'nothing ends at all',
    calm,
    { throughput: 0, last: second(9, 0), before: second(9, 0) },
    'overloaded',
    'keeps-growing',
  ],
  ['the queue was not empty since', overloaded, { waiting: 1 }, 'overloaded', 'not-empty-yet'],
  ['the queue is empty', overloaded, { waiting: 0 }, 'calm', 'empty'],
  ['less comes than ends', overloaded, { last: second(20, 25) }, 'calm', 'catching-up'],
  ['it lasts', overloaded, { nowMs: 12_000 }, 'trial', 'tried'],
  ['the trial has begun', onTrial, { nowMs: 9_999, last: nothing }, 'trial', 'tried'],
  ['the queue grows in it too', onTrial, {}, 'overloaded', 'keeps-growing'],
  ['the queue has grown to what there is of clients', onTrial, { last: second(26, 25) }, 'calm', 'same-clients'],
  ['the queue is empty in it', onTrial, { waiting: 0 }, 'calm', 'empty'],
]

t.test('an overload is what lasts, not what comes all at once', async t => {
  for (const [name, state, load, phase, reason] of cases) {
    const step = stepOverload(state, { ...growing, ...load })
    t.strictSame([step.state.phase, step.reason], [phase, reason], name)
  }
})

t.test('trials become rarer while they fail, to a bound, and begin anew after a calm', async t => {
  const pauses: number[] = []
  let state: OverloadState = calm
  for (let nowMs = 0; nowMs < 200_000; nowMs += 250) {
    const next = stepOverload(state, { ...growing, nowMs }).state
    if (next.phase === 'trial' && state.phase === 'overloaded') pauses.push(nowMs - state.sinceMs)
    state = next
  }
  t.strictSame(pauses, [4_000, 8_000, 16_000, 32_000, 32_000, 32_000, 32_000])
  state = stepOverload(state, { ...growing, waiting: 0 }).state
  t.equal(stepOverload(state, growing).state.trialAfterMs, 4_000)
})

t.test('a wait is estimated from what ends in a second', async t => {
  t.equal(estimatedWaitMs(10, 20), 500)
  t.equal(estimatedWaitMs(0, 0), 0)
  t.equal(estimatedWaitMs(1, 0), Number.POSITIVE_INFINITY)
})

t.test('Retry-After is when the queue will be done, from 1 to 30 seconds', async t => {
  t.equal(retryAfterSeconds(1, 100), 1)
  t.equal(retryAfterSeconds(50, 20), 3)
  t.equal(retryAfterSeconds(256, 1), 30)
  t.equal(retryAfterSeconds(1, 0), 30)
})
