/**
 * How an attempt at an origin can fail: one kind each, with the status that the client gets and the error type of
 * RFC 9209 §2.3 that Proxy-Status names. `unsent` tells whether the request is proven not to have reached the origin,
 * so that any method may be tried again (RFC 9110 §9.2.2).
 */
import createError, { type FastifyError } from '@fastify/error'

const failures = {
  dns: [createError('HG_UPSTREAM_DNS', 'the name of the origin could not be resolved', 502), 'dns_error'],
  refused: [createError('HG_UPSTREAM_REFUSED', 'the origin refused the connection', 502), 'connection_refused'],
  unreachable: [
    createError('HG_UPSTREAM_UNREACHABLE', 'the origin cannot be reached', 502),
    'destination_ip_unroutable',
  ],
  connectTimeout: [
    createError('HG_UPSTREAM_CONNECT_TIMEOUT', 'the origin did not accept the connection in time', 504),
    'connection_timeout',
  ],
  certificate: [
    createError('HG_UPSTREAM_CERTIFICATE', 'the certificate of the origin is not trusted', 502),
    'tls_certificate_error',
  ],
  tls: [createError('HG_UPSTREAM_TLS', 'no TLS session with the origin', 502), 'tls_protocol_error'],
  reset: [
    createError('HG_UPSTREAM_RESET', 'the origin closed the connection before it answered', 502),
    'connection_terminated',
  ],
  incomplete: [
    createError('HG_UPSTREAM_INCOMPLETE', 'the answer of the origin was cut', 502),
    'http_response_incomplete',
  ],
  invalid: [
    createError('HG_UPSTREAM_INVALID', 'the answer of the origin is not valid HTTP', 502),
    'http_protocol_error',
  ],
  headTooLarge: [
    createError('HG_UPSTREAM_HEAD_TOO_LARGE', 'the head of the answer is too large', 502),
    'http_response_header_section_size',
  ],
  headTimeout: [createError('HG_UPSTREAM_TIMEOUT', 'the origin did not answer in time', 504), 'http_response_timeout'],
  bodyTimeout: [
    createError('HG_UPSTREAM_STALLED', 'the origin stopped in the middle of its answer', 504),
    'connection_read_timeout',
  ],
  full: [
    createError('HG_UPSTREAM_FULL', 'every connection to the origin is busy and the queue is full', 503),
    'connection_limit_reached',
  ],
  queueTimeout: [
    createError('HG_UPSTREAM_QUEUE_TIMEOUT', 'no connection to the origin became free in time', 503),
    'connection_limit_reached',
  ],
  circuitOpen: [
    createError('HG_CIRCUIT_OPEN', 'the origin did not answer several times in a row and is left alone', 503),
    'destination_unavailable',
  ],
  noOrigin: [createError('HG_NO_UPSTREAM', 'no origin can take the request', 503), 'destination_unavailable'],
  aborted: [createError('HG_UPSTREAM_ABORTED', 'the request was given up', 499), 'http_request_error'],
} as const

export type FailureKind = keyof typeof failures

/** An error of the upstream plugin. `code` is stable, `statusCode` is what the client gets when nothing was sent yet. */
export interface UpstreamFailure extends FastifyError {
  readonly kind: FailureKind
  readonly statusCode: number
  /** Error type of RFC 9209 §2.3. */
  readonly proxyStatus: string
  /** True when no byte of the request can have reached the origin. */
  readonly unsent: boolean
  /** `unsent`, or the origin has said that it did nothing with what it got (RFC 9113 §8.7). */
  readonly unprocessed: boolean
  /** What was tried, for the `details` of Proxy-Status; nothing of the inside. */
  readonly details?: string
}

/** Makes the error of one kind; `cause` is the error underneath, if any. */
export function upstreamFailure(
  kind: FailureKind,
  unsent: boolean,
  cause?: unknown,
  unprocessed = unsent,
): UpstreamFailure {
  const [Failure, proxyStatus] = failures[kind]
  const failure = cause === undefined ? new Failure() : new Failure({ cause })
  return Object.assign(failure, { kind, proxyStatus, unsent, unprocessed }) as unknown as UpstreamFailure
}

/** The same failure with details; the one that was told may be shared with others. */
export function retold(failure: UpstreamFailure, details: string): UpstreamFailure {
  const { kind, unsent, cause, unprocessed } = failure
  return Object.assign(upstreamFailure(kind, unsent, cause, unprocessed), { details })
}

export function isUpstreamFailure(error: unknown): error is UpstreamFailure {
  return error instanceof Error && 'kind' in error && 'proxyStatus' in error
}
