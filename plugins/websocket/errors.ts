/**
 * How an upgrade can fail before the client has been answered: one kind each, with the status that the client gets and
 * the error type of RFC 9209 §2.3. Failures of connecting come from whoever connects and have the same fields.
 */
import createError, { type FastifyError } from '@fastify/error'

const failures = {
  reset: [
    createError('HG_WEBSOCKET_RESET', 'the origin closed the connection before it answered', 502),
    'connection_terminated',
  ],
  invalid: [
    createError('HG_WEBSOCKET_INVALID', 'the answer of the origin is not valid HTTP', 502),
    'http_protocol_error',
  ],
  headTooLarge: [
    createError('HG_WEBSOCKET_HEAD_TOO_LARGE', 'the head of the answer is too large', 502),
    'http_response_header_section_size',
  ],
  headTimeout: [createError('HG_WEBSOCKET_TIMEOUT', 'the origin did not answer in time', 504), 'http_response_timeout'],
  request: [
    createError('HG_WEBSOCKET_REQUEST', 'the request cannot be passed on as an upgrade', 400),
    'http_request_error',
  ],
  connect: [createError('HG_WEBSOCKET_CONNECT', 'the origin cannot be reached', 502), 'destination_unavailable'],
  closing: [createError('HG_WEBSOCKET_CLOSING', 'the gateway is closing', 503), 'proxy_internal_response'],
} as const

export type UpgradeFailureKind = keyof typeof failures

/** `code` is stable, `statusCode` is what the client gets. */
export interface UpgradeFailure extends FastifyError {
  readonly kind: string
  readonly statusCode: number
  /** Error type of RFC 9209 §2.3. */
  readonly proxyStatus: string
}

/** Makes the error of one kind; `cause` is the error underneath or the reason in words. */
export function upgradeFailure(kind: UpgradeFailureKind, cause?: unknown): UpgradeFailure {
  const [Failure, proxyStatus] = failures[kind]
  const failure = cause === undefined ? new Failure() : new Failure({ cause })
  return Object.assign(failure, { kind, proxyStatus }) as unknown as UpgradeFailure
}

/** The failure that an error of connecting stands for: itself where it has a status and a type, else `connect`. */
export function asUpgradeFailure(error: unknown): UpgradeFailure {
  const known = error instanceof Error && 'kind' in error && 'statusCode' in error && 'proxyStatus' in error
  return known ? (error as UpgradeFailure) : upgradeFailure('connect', error)
}
