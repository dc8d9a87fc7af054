/**
 * Whether a failed attempt is followed by another one. What was sent may only be sent again when the method is
 * idempotent by definition and the configuration says so (RFC 9110 §9.2.2); what is proven unsent, or not processed (RFC 9113
 * §8.7), may always be; what the client has seen the beginning of never is.
 */
import type { UpstreamFailure } from '../../upstream/index.ts'

/** How an attempt failed: with an answer, or without one. */
export type Failure =
  | { readonly by: 'status'; readonly status: number; readonly retryAfterMs: number | null; readonly lasts: boolean }
  | { readonly by: 'kind'; readonly kind: UpstreamFailure['kind']; readonly unprocessed: boolean }

export interface FailedTry {
  readonly failure: Failure
  readonly method: string
  /** The request carries an Idempotency-Key. */
  readonly hasKey: boolean
  /** Nothing of the body was read, or all of it is at hand again. */
  readonly isReplayable: boolean
  /** Made so far. */
  readonly attempts: number
  /** Ms left until the deadline of all attempts. */
  readonly leftMs: number
}

export interface RetryRules {
  /** Attempts in all. */
  readonly attempts: number
  readonly methods: ReadonlySet<string>
  readonly statuses: ReadonlySet<number>
  readonly tooManyRequests: boolean
  readonly idempotencyKey: boolean
}

export type RetryReason = 'unsent' | 'reset' | 'cut' | 'status'
export type NoRetryReason =
  | 'given-up'
  | 'attempts'
  | 'method'
  | 'status'
  | 'lasting'
  | 'kind'
  | 'body'
  | 'deadline'
  | 'retry-after'
  | 'budget'

export type RetryDecision =
  /** `waitMs`: the origin's own wish, null = by backoff. */
  | { readonly retry: true; readonly reason: RetryReason; readonly waitMs: number | null }
  | { readonly retry: false; readonly reason: NoRetryReason }

const TOO_MANY_REQUESTS = 429

export function decideRetry(tried: FailedTry, rules: RetryRules): RetryDecision {
  const { failure } = tried
  const cause = failure.by === 'status' ? causeOfStatus(failure, rules) : causeOfKind(failure)
  if (cause.retry === false) return cause
  if (cause.reason !== 'unsent' && !mayRepeat(tried, rules)) return refuse('method')
  if (tried.attempts >= rules.attempts) return refuse('attempts')
  if (!tried.isReplayable) return refuse('body')
  if (tried.leftMs <= 0) return refuse('deadline')
  if (cause.waitMs !== null && cause.waitMs >= tried.leftMs) return refuse('retry-after')
  return cause
}

function causeOfStatus({ status, retryAfterMs, lasts }: Failure & { by: 'status' }, rules: RetryRules): RetryDecision {
  if (lasts) return refuse('lasting')
  if (status === TOO_MANY_REQUESTS) {
    // RFC 6585 §4: without the origin's word on when, another attempt only adds to what it complains of.
    if (!rules.tooManyRequests || retryAfterMs === null) return refuse('status')
  } else if (!rules.statuses.has(status)) return refuse('status')
  return { retry: true, reason: 'status', waitMs: retryAfterMs }
}

function causeOfKind({ kind, unprocessed }: Failure & { by: 'kind' }): RetryDecision {
  if (kind === 'aborted') return refuse('given-up')
  if (unprocessed && unsentKinds.has(kind)) return { retry: true, reason: 'unsent', waitMs: null }
  if (kind === 'reset') return { retry: true, reason: 'reset', waitMs: null }
  if (kind === 'incomplete') return { retry: true, reason: 'cut', waitMs: null }
  // An origin that is silent, full or answers with something else than HTTP does so again: another try only costs it.
  return refuse('kind')
}

const unsentKinds: ReadonlySet<string> = new Set([
  'dns',
  'refused',
  'unreachable',
  'connectTimeout',
  'tls',
  'reset',
] satisfies UpstreamFailure['kind'][])

function mayRepeat({ method, hasKey }: FailedTry, rules: RetryRules): boolean {
  return rules.methods.has(method) || (hasKey && rules.idempotencyKey)
}

function refuse(reason: NoRetryReason): RetryDecision & { retry: false } {
  return { retry: false, reason }
}
