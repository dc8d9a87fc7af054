/**
 * What can go wrong on the client's side of a proxied request; the origin's side is in the upstream plugin.
 */
import createError, { type FastifyError } from '@fastify/error'

const failures = {
  tooLarge: createError('HG_BODY_TOO_LARGE', '%s', 413),
  bodyIdle: createError('HG_BODY_STALLED', 'no byte of the request body came for too long', 408),
  clientLeft: createError('HG_CLIENT_LEFT', 'the client closed the connection', 499),
  streamClosed: createError('HG_STREAM_CLOSED', 'the gateway ended the event stream', 503),
  outsideMount: createError('HG_OUTSIDE_MOUNT', 'the path leaves the mounted prefix', 400),
} as const

export type ProxyFailure = FastifyError & { readonly statusCode: number }

/** The body is larger than the route allows; the message names both, for whoever has to raise the limit. */
export function bodyTooLarge(route: string, limit: number): ProxyFailure {
  return new failures.tooLarge(
    `the request body is larger than the ${limit} bytes that "${route}" allows`,
  ) as ProxyFailure
}

export function bodyStalled(): ProxyFailure {
  return new failures.bodyIdle() as ProxyFailure
}

export function clientLeft(): ProxyFailure {
  return new failures.clientLeft() as ProxyFailure
}

export function streamClosed(): ProxyFailure {
  return new failures.streamClosed() as ProxyFailure
}

export function outsideMount(): ProxyFailure {
  return new failures.outsideMount() as ProxyFailure
}
