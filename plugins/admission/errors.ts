/**
 * How a request is refused that finds no place at its origins in time. It is the client's to come back: sending it again
 * at once would only add to the load, so these are no failures that a retry may take up.
 */
import createError from '@fastify/error'
import type { UpstreamFailure } from '../upstream/index.ts'

/** `queue-full`, `displaced`: no room; `queue-timeout`, `deadline`, `overload`: it would have waited too long. */
export const SHED_REASONS = ['queue-full', 'displaced', 'queue-timeout', 'deadline', 'overload'] as const
export type ShedReason = (typeof SHED_REASONS)[number]

const QueueFull = createError('HG_OVERLOADED', 'the app has more requests to answer than may wait for it', 503)
const WaitedTooLong = createError('HG_OVERLOADED', 'the app cannot answer this request in time', 503)

export interface Overloaded extends UpstreamFailure {
  readonly reason: ShedReason
  /** Seconds. */
  readonly retryAfter: number
}

/** Proven unsent, and an answer with 503, Retry-After and `connection_limit_reached` (RFC 9209 §2.3.12). */
export function overloaded(reason: ShedReason, retryAfter: number): Overloaded {
  const isFull = reason === 'queue-full' || reason === 'displaced'
  const error = isFull ? new QueueFull() : new WaitedTooLong()
  const kind = isFull ? 'full' : 'queueTimeout'
  const proxyStatus = 'connection_limit_reached'
  return Object.assign(error, { kind, proxyStatus, unsent: true, reason, retryAfter }) as unknown as Overloaded
}
