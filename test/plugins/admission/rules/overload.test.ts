import t from 'tap'
import {
  decideOverload,
  estimatedWaitMs,
  type LoadNow,
  retryAfterSeconds,
} from '../../../../plugins/admission/rules/overload.ts'

const calm: LoadNow = {
  isOverloaded: false,
  waiting: 10,
  leastWaiting: 8,
  throughput: 25,
  last: { arrivals: 37, ends: 25 },
  before: { arrivals: 38, ends: 25 },
  goalMs: 300,
}

const cases: readonly (readonly [string, Partial<LoadNow>, boolean, string])[] = [
  ['more comes than ends for two seconds', {}, true, 'keeps-growing'],
  ['nobody waits', { waiting: 0 }, false, 'empty'],
  ['who waits will be served soon', { waiting: 7 }, false, 'short-wait'],
  ['a page full of images', { before: { arrivals: 60, ends: 20 }, last: { arrivals: 0, ends: 25 } }, false, 'burst'],
  ['burst after burst, each of which was served', { leastWaiting: 0 }, false, 'burst'],
  ['it has only begun', { before: { arrivals: 20, ends: 20 } }, false, 'burst'],
  ['as many clients as before, each with one request', { last: { arrivals: 26, ends: 25 } }, false, 'burst'],
  ['by chance', { last: { arrivals: 3, ends: 2 }, throughput: 2 }, false, 'burst'],
  [
    'nothing ends at all',
    { throughput: 0, last: { arrivals: 9, ends: 0 }, before: { arrivals: 9, ends: 0 } },
    true,
    'keeps-growing',
  ],
  ['the queue was not empty since', { isOverloaded: true, waiting: 1 }, true, 'not-empty-yet'],
  ['the queue is empty', { isOverloaded: true, waiting: 0 }, false, 'empty'],
  ['less comes than ends', { isOverloaded: true, last: { arrivals: 20, ends: 25 } }, false, 'catching-up'],
]

t.test('an overload is what lasts, not what comes all at once', async t => {
  for (const [name, load, overloaded, reason] of cases) {
    t.strictSame(decideOverload({ ...calm, ...load }), { overloaded, reason }, name)
  }
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
