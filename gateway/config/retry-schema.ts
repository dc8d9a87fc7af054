/**
 * The `retry` block: whether and when a failed request is tried again. Defaults are the plugin's.
 */
import { defaultRetryPolicy as policy } from '../../plugins/retry/index.ts'
import { block, duration, flag, integer, list, ratio, word } from './kinds.ts'

export const retryBlock = block(
  'retry',
  {
    enabled: flag({ default: true, description: 'False is the same as `false` in place of the block.' }),
    statuses: list(integer({ min: 400, max: 599, description: 'A status of the origin.' }), {
      default: policy.statuses,
      description: 'Answers that are tried again before the first byte of the body.',
    }),
    methods: list(word(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'], { description: 'An idempotent method.' }), {
      default: policy.methods,
      description: 'Methods that may be tried again after they were sent.',
    }),
    too_many_requests: flag({
      default: policy.tooManyRequests,
      description: 'Also 429, where it comes with Retry-After.',
    }),
    idempotency_key: flag({
      default: policy.idempotencyKey,
      description: 'Any method, where the request carries an Idempotency-Key.',
    }),
    budget: ratio({
      default: `${policy.budgetRatio * 100}%`,
      description: 'Most retries, as a share of the running requests.',
    }),
    hedge: duration({
      min: 1,
      max: 60_000,
      words: { off: 'off', auto: 'auto' },
      default: 'auto',
      description:
        'Second attempt for slow safe requests: off, auto (where an upstream has several origins), or after this time.',
    }),
  },
  { description: 'Further attempts after a failure; `false` = off.' },
)
