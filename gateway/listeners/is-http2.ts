/** Which of the two protocols a request came by. */
import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'

/** Not by the version it names: `GET / HTTP/2.0` is what anybody can write on an HTTP/1.1 connection. */
export function isHttp2(req: IncomingMessage): boolean {
  return (req as unknown as Partial<Http2ServerRequest>).stream !== undefined
}
