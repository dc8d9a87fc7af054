/** The answer to a request that is turned away at the edge, over HTTP/1.1 and HTTP/2. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import { constants, type Http2ServerResponse } from 'node:http2'
import { ALLOWED_METHODS } from '../allowed-methods.ts'
import { isHttp2 } from './is-http2.ts'
import { armLinger } from './lingering-close.ts'

/** Ends the HTTP/1.1 connection; over HTTP/2 only the stream, whose body is not read. */
export function refuseRequest(req: IncomingMessage, res: ServerResponse, status: number, reason: string): void {
  const body = JSON.stringify({ statusCode: status, error: STATUS_CODES[status], message: reason })
  const fields: Record<string, string | number> = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'proxy-status': 'hearthgate; error=http_request_error',
  }
  if (status === 405) fields['allow'] = ALLOWED_METHODS
  if (isHttp2(req)) closeStreamAfter(res as unknown as Http2ServerResponse, req)
  else {
    fields['connection'] = 'close'
    armLinger(req, res)
  }
  res.writeHead(status, fields)
  res.end(body)
}

/** RFC 9113 §8.1: after an answer that did not need the body, NO_ERROR asks the client to stop sending it. */
function closeStreamAfter(res: Http2ServerResponse, req: IncomingMessage): void {
  const { stream } = res
  res.once('finish', () => {
    if (!req.complete) stream.close(constants.NGHTTP2_NO_ERROR)
  })
}
