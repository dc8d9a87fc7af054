/** The answer to a request that is turned away at the edge, over HTTP/1.1 and HTTP/2. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { constants, type Http2ServerResponse } from 'node:http2'
import { failureAnswer } from '../../plugins/proxy/index.ts'
import { ALLOWED_METHODS } from '../allowed-methods.ts'
import { newRequestId } from '../request-ids.ts'
import { isHttp2 } from './is-http2.ts'
import { armLinger } from './lingering-close.ts'
import type { ListenerHandlers } from './types.ts'

export interface EdgeRefusal {
  readonly status: number
  /** For the client. */
  readonly reason: string
  readonly handlers: ListenerHandlers
}

/**
 * Ends the HTTP/1.1 connection; over HTTP/2 only the stream, whose body is not read. The page is that of every other refusal
 * (gateway/refusals.ts), but for what a route adds to its own.
 */
export function refuseRequest(
  req: IncomingMessage,
  res: ServerResponse,
  { status, reason, handlers }: EdgeRefusal,
): void {
  const requestId = newRequestId()
  const failure = {
    status,
    code: status === 405 ? 'HG_METHOD' : 'HG_BAD_REQUEST',
    message: reason,
    requestId,
    proxyStatus: 'http_request_error',
    retryAfter: null,
    ...(status === 405 ? { fields: { allow: ALLOWED_METHODS } } : {}),
  }
  const { headers, body } = failureAnswer(failure, req.headers.accept)
  if (isHttp2(req)) closeStreamAfter(res as unknown as Http2ServerResponse, req)
  else {
    headers['connection'] = 'close'
    armLinger(req, res)
  }
  res.writeHead(status, headers)
  res.end(body)
  handlers.onRefused?.(req, { requestId, status, bytesOut: req.method === 'HEAD' ? 0 : Buffer.byteLength(body) })
}

/** RFC 9113 §8.1: after an answer that did not need the body, NO_ERROR asks the client to stop sending it. */
function closeStreamAfter(res: Http2ServerResponse, req: IncomingMessage): void {
  const { stream } = res
  res.once('finish', () => {
    if (!req.complete) stream.close(constants.NGHTTP2_NO_ERROR)
  })
}
