/** Which request is one too many, and what its client is told. */
import t from 'tap'
import { type Counted, decideRate } from '../../../plugins/rate-limit/decide.ts'

const limit = { name: 'app', requests: 100, windowMs: 60_000, by: 'client' } as const
const within: Counted = { isExceeded: false, ttl: 30_000 }
const over = (ttl: number): Counted => ({ isExceeded: true, ttl })

const cases: readonly (readonly [title: string, own: Counted, shared: Counted | null, retryAfter: number | null])[] = [
  ['neither count is over', within, within, null],
  ['nobody else counts', within, null, null],
  ['this process alone is over', over(12_001), null, 13],
  ['this process is over, the others were not asked', over(500), null, 1],
  ['all together are over', within, over(59_999), 60],
  ['a window that ends now is no reason to come at once', within, over(0), 1],
  ['a key without an end', within, over(-1), 1],
  ['a key that lives longer than the window, after a reload', within, over(3_600_000), 60],
]

for (const [title, own, shared, retryAfter] of cases)
  t.test(title, async t => {
    const decision = decideRate(limit, own, shared)
    t.equal(decision.pass, retryAfter === null)
    t.equal(decision.reason, retryAfter === null ? 'within' : 'exceeded')
    if (decision.pass) return
    t.equal(decision.retryAfter, retryAfter)
    t.strictSame(decision.fields, {
      'ratelimit-policy': '"client";q=100;w=60',
      ratelimit: `"client";r=0;t=${retryAfter}`,
    })
  })
