/** The rules of further attempts as tables. */
import t from 'tap'
import { backoffMs } from '../../../../plugins/retry/rules/backoff.ts'
import { decidePark, nextProbeMs, PROBE_MS } from '../../../../plugins/retry/rules/decide-park.ts'
import { decideRetry, type FailedTry, type RetryRules } from '../../../../plugins/retry/rules/decide-retry.ts'
import { decideHedgeDelay } from '../../../../plugins/retry/rules/hedge-delay.ts'
import { decideHold } from '../../../../plugins/retry/rules/hold-head.ts'
import { LatencyHistogram } from '../../../../plugins/retry/rules/latency-histogram.ts'
import { isMeantToLast } from '../../../../plugins/retry/rules/meant-to-last.ts'
import { parseRetryAfter, retryAfterOf } from '../../../../plugins/retry/rules/retry-after.ts'
import { RetryBudget } from '../../../../plugins/retry/rules/retry-budget.ts'

const rules: RetryRules = {
  attempts: 3,
  methods: new Set(['GET', 'HEAD', 'OPTIONS']),
  statuses: new Set([502, 503, 504]),
  tooManyRequests: true,
  idempotencyKey: true,
}
const reset = { by: 'kind', kind: 'reset', unprocessed: false } as const
const status = (code: number, retryAfterMs: number | null = null) =>
  ({ by: 'status', status: code, retryAfterMs, lasts: false }) as const
const tried: FailedTry = {
  ...{ failure: reset, method: 'GET', hasKey: false, isReplayable: true, attempts: 1, leftMs: 1_000 },
}

const decisions: [string, Partial<FailedTry>, string][] = [
  ['a GET that was reset', {}, 'reset'],
  ['a GET whose answer was cut', { failure: { by: 'kind', kind: 'incomplete', unprocessed: false } }, 'cut'],
  ['a POST that was reset', { method: 'POST' }, 'no: method'],
  ['a POST that was reset, with a key', { method: 'POST', hasKey: true }, 'reset'],
  ['a PUT', { method: 'PUT' }, 'no: method'],
  ['a POST that is proven unsent', { method: 'POST', failure: { ...reset, unprocessed: true } }, 'unsent'],
  [
    'a POST that was refused',
    { method: 'POST', failure: { by: 'kind', kind: 'refused', unprocessed: true } },
    'unsent',
  ],
  [
    'a body that has gone',
    { method: 'POST', failure: { ...reset, unprocessed: true }, isReplayable: false },
    'no: body',
  ],
  ['a client that left', { failure: { by: 'kind', kind: 'aborted', unprocessed: true } }, 'no: given-up'],
  ['a silent origin', { failure: { by: 'kind', kind: 'headTimeout', unprocessed: false } }, 'no: kind'],
  ['a full queue', { failure: { by: 'kind', kind: 'full', unprocessed: true } }, 'no: kind'],
  ['no HTTP', { failure: { by: 'kind', kind: 'invalid', unprocessed: false } }, 'no: kind'],
  ['a 503', { failure: status(503) }, 'status'],
  ['a 500', { failure: status(500) }, 'no: status'],
  ['a 503 to a POST', { failure: status(503), method: 'POST' }, 'no: method'],
  ['a 429 that says when', { failure: status(429, 500) }, 'status'],
  ['a 429 that does not', { failure: status(429) }, 'no: status'],
  ['a Retry-After beyond the deadline', { failure: status(503, 1_000) }, 'no: retry-after'],
  ['the last attempt', { attempts: 3 }, 'no: attempts'],
  ['no time left', { leftMs: 0 }, 'no: deadline'],
]

for (const [title, change, wanted] of decisions)
  t.test(`what follows ${title} is decided`, async t => {
    const decision = decideRetry({ ...tried, ...change }, rules)
    t.equal(decision.retry ? decision.reason : `no: ${decision.reason}`, wanted)
  })

t.test('Retry-After is seconds or a date, never milliseconds', async t => {
  const now = Date.UTC(1994, 10, 6, 8, 49, 30)
  const cases: [string, number | null][] = [
    ['1', 1_000],
    ['0', 0],
    [' 120 ', 120_000],
    ['99999999999', 86_400_000],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 7_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 7_000],
    ['Sun Nov  6 08:49:37 1994', 7_000],
    ['Sun, 06 Nov 1994 08:49:00 GMT', 0],
    ['', null],
    ['-1', null],
    ['1.5', null],
    ['soon', null],
    ['Sunny: 1', null],
  ]
  for (const [value, wanted] of cases) t.equal(parseRetryAfter(value, now), wanted, value)
  t.equal(retryAfterOf(['retry-after', '2'], now), 2_000)
  t.equal(retryAfterOf(['Retry-After', '2', 'retry-after', '3'], now), null, 'two say nothing')
})

t.test('the wait is drawn from a window that doubles up to its cap', async t => {
  const limits = { baseMs: 50, maxMs: 300 }
  t.strictSame(
    [0, 1, 2, 3, 99].map(retries => backoffMs(limits, retries, 1)),
    [50, 100, 200, 300, 300],
  )
  t.equal(backoffMs(limits, 3, 0), 0)
})

t.test('the budget is a share of what runs and a floor that gathers for ten seconds', async t => {
  const budget = new RetryBudget({ ratio: 0.2, floorPerSecond: 1 }, 0)
  const take = (count: number, nowMs: number) => Array.from({ length: count }, () => budget.take(nowMs))
  t.equal(take(12, 0).filter(Boolean).length, 10, 'the floor')
  budget.active = 100
  budget.retrying = 0
  t.equal(take(30, 0).filter(Boolean).length, 20, 'the share')
  t.equal(take(3, 2_000).filter(Boolean).length, 2, 'two seconds later')
  budget.retrying = 20
  budget.done()
  t.equal(budget.take(2_000), true, 'a place that was given back')
})

t.test('heads are held for what could still be saved', async t => {
  const cases: [string, number, string[], string][] = [
    ['GET', 200, ['Content-Length', '5'], 'whole'],
    ['GET', 200, ['Content-Length', '65537'], 'first-byte'],
    ['GET', 200, [], 'first-byte'],
    ['GET', 200, ['Content-Length', '0'], 'none'],
    ['GET', 200, ['Content-Type', 'text/event-stream; charset=utf-8'], 'none'],
    ['GET', 200, ['content-type', 'multipart/x-mixed-replace; boundary=x'], 'none'],
    ['HEAD', 200, ['Content-Length', '5'], 'none'],
    ['GET', 304, ['Content-Length', '5'], 'none'],
    ['GET', 404, ['Content-Length', '5'], 'none'],
  ]
  for (const [method, code, fields, wanted] of cases) {
    t.equal(decideHold(method, code, fields).until, wanted, `${method} ${code} ${fields.join(' ')}`)
  }
})

t.test('who waits for a restart, and who does not', async t => {
  const unsent = {
    ...({ kind: 'refused', unsent: true, isReplayable: true, hasStandIn: false } as const),
    ...{ outageSinceMs: 1_000, parked: 0 },
  }
  const limits = { holdMs: 8_000, maxParked: 10 }
  t.strictSame(decidePark(unsent, limits, 2_000), { park: true, untilMs: 9_000 })
  const cases: [string, object, object, number][] = [
    ['off', {}, { holdMs: 0 }, 2_000],
    ['sent', { unsent: false }, {}, 2_000],
    ['kind', { kind: 'certificate' }, {}, 2_000],
    ['body', { isReplayable: false }, {}, 2_000],
    ['stand-in', { hasStandIn: true }, {}, 2_000],
    ['outage-too-old', {}, {}, 9_000],
    ['full', { parked: 10 }, {}, 2_000],
  ]
  for (const [reason, change, limit, now] of cases)
    t.strictSame(decidePark({ ...unsent, ...change }, { ...limits, ...limit }, now), { park: false, reason })
})

t.test(
  'an origin that is away is looked at soon at first, then four times a second, seldom when nobody waits',
  async t => {
    t.equal(nextProbeMs(0, true), 25)
    t.equal(nextProbeMs(300, true), 150)
    t.equal(nextProbeMs(5_000, true), PROBE_MS)
    t.equal(nextProbeMs(60_000, false), 5_000)
  },
)

t.test('a hedge is sent where a few are much slower than the others, and nowhere else', async t => {
  const times = (slowShare: number, slowMs: number) => {
    const histogram = new LatencyHistogram()
    for (let i = 0; i < 200; i++) histogram.add(i < 200 * slowShare ? slowMs : 20)
    return decideHedgeDelay(histogram)
  }
  const decision = times(0.05, 2_000)
  t.match(decision, { hedge: true })
  if (decision.hedge) {
    t.ok(decision.delayMs >= 20 && decision.delayMs < 60, `after ${decision.delayMs} ms`)
    t.ok(decision.extra <= 0.06)
  }
  t.match(times(0, 20), { hedge: false, reason: 'no-gain' })
  t.match(times(0.05, 25), { hedge: false, reason: 'no-gain' }, 'hardly slower')
  t.match(times(0.4, 2_000), { hedge: false, reason: 'no-gain' }, 'too many')
  t.match(decideHedgeDelay(new LatencyHistogram()), { hedge: false, reason: 'few-samples' })
})

t.test('an error that its origin wants to be kept is not asked for again', async t => {
  const cases: [string[], boolean][] = [
    [[], false],
    [['ETag', '"express"'], false],
    [['Cache-Control', 'no-store'], false],
    [['Cache-Control', 'max-age=0, must-revalidate'], false],
    [['Cache-Control', 'public, max-age=60'], true],
    [['cache-control', 's-maxage="9"'], true],
    [['Last-Modified', 'Wed, 25 Nov 2026 00:00:00 GMT'], true],
  ]
  for (const [fields, wanted] of cases) t.equal(isMeantToLast(fields), wanted, fields.join(': '))
})
