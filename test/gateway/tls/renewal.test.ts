/** When certificates are got, when attempts are made again, and when somebody is told. */
import t from 'tap'
import {
  decideAlarm,
  decideRenewal,
  MAX_RETRY_AFTER_MS,
  MAX_RETRY_MS,
  RETRY_MS,
  type RenewalQuestion,
  readRetryAfter,
  renewalTime,
  retryDelay,
  runsOutSoon,
} from '../../../gateway/certificates/renewal.ts'

const DAY = 86_400_000
const NOW = Date.UTC(2026, 5, 1)
const lasting = (daysBefore: number, daysLeft: number, names = ['a.test']) => {
  return { notBeforeMs: NOW - daysBefore * DAY, notAfterMs: NOW + daysLeft * DAY, names }
}
const asked: RenewalQuestion = { current: null, wanted: ['a.test'], nowMs: NOW, jitter: 0, notBeforeMs: 0 }

const cases: [title: string, question: Partial<RenewalQuestion>, outcome: object][] = [
  ['nothing there', {}, { renew: true, reason: 'missing' }],
  ['nothing there, after a failure', { notBeforeMs: NOW + 1 }, { renew: false, reason: 'waiting', atMs: NOW + 1 }],
  ['90 days, 31 left', { current: lasting(59, 31) }, { renew: false, reason: 'fresh', atMs: NOW + DAY }],
  ['90 days, 30 left', { current: lasting(60, 30) }, { renew: true, reason: 'due' }],
  ['6 days, 3 left', { current: lasting(3, 3) }, { renew: false, reason: 'fresh', atMs: NOW + DAY }],
  ['6 days, 2 left', { current: lasting(4, 2) }, { renew: true, reason: 'due' }],
  ['the latest jitter', { current: lasting(56, 34), jitter: 1 }, { renew: true, reason: 'due' }],
  ['due, after a failure', { current: lasting(80, 10), notBeforeMs: NOW + 5 }, { reason: 'waiting', atMs: NOW + 5 }],
  ['a wait noted by a wrong clock', { notBeforeMs: NOW + 40 * DAY }, { renew: true, reason: 'missing' }],
  ['the authority wants it now', { current: lasting(1, 89), suggestedMs: NOW }, { renew: true, reason: 'suggested' }],
  [
    'the authority wants it later',
    { current: lasting(80, 10), suggestedMs: NOW + 1 },
    { reason: 'fresh', atMs: NOW + 1 },
  ],
  [
    'the authority wants it now, after a failure',
    { current: lasting(1, 89), suggestedMs: NOW, notBeforeMs: NOW + 5 },
    { renew: false, reason: 'waiting', atMs: NOW + 5 },
  ],
  [
    'its time is over, whatever the authority wants',
    { current: lasting(91, -1), suggestedMs: NOW + 1 },
    { reason: 'expired' },
  ],
  ['its time is over', { current: lasting(91, -1) }, { renew: true, reason: 'expired' }],
  [
    'a further name',
    { current: lasting(1, 89), wanted: ['a.test', 'b.test'] },
    { renew: true, reason: 'names-changed' },
  ],
  ['a name fewer', { current: lasting(1, 89, ['a.test', 'b.test']) }, { renew: false, reason: 'fresh' }],
]
for (const [title, question, outcome] of cases) {
  t.test(title, async t => void t.match(decideRenewal({ ...asked, ...question }), outcome))
}

t.test('jitter moves a renewal forward only', async t => {
  const current = lasting(0, 90)
  t.equal(renewalTime(current, 0), NOW + 60 * DAY)
  t.equal(renewalTime(current, 1), NOW + 55.5 * DAY)
})

t.test('waits double, have an end, and are spread', async t => {
  t.equal(retryDelay(1, null, 0.5), RETRY_MS)
  t.equal(retryDelay(3, null, 0.5), 4 * RETRY_MS)
  t.equal(retryDelay(1, null, 0), 0.8 * RETRY_MS)
  t.equal(retryDelay(1, null, 1), 1.2 * RETRY_MS)
  t.equal(retryDelay(1000, null, 0.5), MAX_RETRY_MS)
})

t.test('an authority may ask for a longer wait, never for a shorter one, and not for ever', async t => {
  t.equal(retryDelay(1, 3_600_000, 0.5), 3_600_000)
  t.equal(retryDelay(1, 1000, 0.5), RETRY_MS)
  t.equal(retryDelay(1, 1e15, 0.5), MAX_RETRY_AFTER_MS)
})

t.test('Retry-After is read in both of its forms', async t => {
  t.equal(readRetryAfter('120', NOW), 120_000)
  t.equal(readRetryAfter(new Date(NOW + 60_000).toUTCString(), NOW), 60_000)
  t.equal(readRetryAfter(new Date(NOW - 60_000).toUTCString(), NOW), 0)
  t.equal(readRetryAfter('soon', NOW), null)
  t.equal(readRetryAfter(undefined, NOW), null)
})

t.test('an alarm comes from 14 days ahead on, once a day, and only where something failed', async t => {
  const alarm = (daysLeft: number, failures = 1, toldMs = Number.NEGATIVE_INFINITY) =>
    decideAlarm(lasting(70, daysLeft), { failures, nowMs: NOW, toldMs })
  t.strictSame(alarm(15), { warn: false })
  t.strictSame(alarm(14), { warn: true, level: 'warn', daysLeft: 14 })
  t.strictSame(alarm(13.5), { warn: true, level: 'warn', daysLeft: 13 })
  t.strictSame(alarm(-1), { warn: true, level: 'error', daysLeft: 0 })
  t.strictSame(alarm(3, 0), { warn: false }, 'nothing has failed')
  t.strictSame(alarm(3, 1, NOW - DAY + 1), { warn: false }, 'told today')
  t.match(alarm(3, 1, NOW - DAY), { warn: true })
  t.strictSame(decideAlarm(null, { failures: 9, nowMs: NOW, toldMs: 0 }), { warn: false }, 'nothing runs out')
})

t.test('a certificate that renews itself is late only after its time', async t => {
  const soon: [days: number, left: number, isSoon: boolean][] = [
    [90, 15, false],
    [90, 14, true],
    [6, 2, false],
    [6, 1.5, true],
    [15, 5, false],
    [15, 3, true],
  ]
  for (const [days, left, isSoon] of soon)
    t.equal(runsOutSoon(lasting(days - left, left), NOW), isSoon, `${left}/${days}`)
})
