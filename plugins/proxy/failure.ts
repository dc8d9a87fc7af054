/**
 * Turns an error of a proxied request into what the client may know of it, and sends that.
 */
import type { FastifyReply } from 'fastify'
import { isUpstreamFailure, type UpstreamFailure } from '../upstream/index.ts'
import type { EarlyAnswer, ProxyCall } from './call.ts'
import { closeStreamAfterAnswer, hasLeft, isHttp2, isRequestComplete } from './client-socket.ts'
import { failureAnswer, type PublicFailure } from './failure-page.ts'

/** Seconds after which a client may come back when an origin was full or away. */
const RETRY_AFTER_SECONDS = 2

/** Errors with a code of ours speak for themselves; anything else is a 500 without detail. */
export function publicFailure(error: Error, requestId: string): PublicFailure {
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown }
  if (typeof code !== 'string' || !code.startsWith('HG_') || typeof statusCode !== 'number') {
    const message = 'an error inside the gateway; its log has the details under this request id'
    return {
      status: 500,
      code: 'HG_INTERNAL',
      message,
      requestId,
      proxyStatus: 'proxy_internal_error',
      retryAfter: null,
    }
  }
  return {
    status: statusCode,
    code,
    message: error.message,
    requestId,
    proxyStatus: isUpstreamFailure(error) ? proxyStatus(error) : null,
    retryAfter: retryAfterOf(error, statusCode),
    fields: (error as { fields?: Readonly<Record<string, string>> }).fields ?? {},
  }
}

/** The error type with what was tried (RFC 9209 §2.3.1 and §2.3.8). */
function proxyStatus({ proxyStatus: type, details }: UpstreamFailure): string {
  return details === undefined ? type : `${type}; details="${details}"`
}

/** Whoever refused may know better when it makes sense to come back; an origin that is away may be restarting. */
function retryAfterOf(error: Error, statusCode: number): number | null {
  const { retryAfter } = error as { retryAfter?: unknown }
  if (typeof retryAfter === 'number') return retryAfter
  const isAway = isUpstreamFailure(error) && awayKinds.has(error.kind)
  return statusCode === 503 || isAway ? RETRY_AFTER_SECONDS : null
}

const awayKinds: ReadonlySet<string> = new Set(['refused', 'dns', 'unreachable'])

/** Answers with the failure; ends the connection when the request was not read to its end. */
export function sendFailure(
  reply: FastifyReply,
  call: (Pick<ProxyCall, 'requestId'> & Partial<Pick<ProxyCall, 'answerRules'>>) | null,
  error: Error,
  onEarlyAnswer: EarlyAnswer = () => {},
): void {
  const { raw } = reply.request
  const failure = publicFailure(error, call?.requestId ?? String(reply.request.id))
  const { headers, body } = failureAnswer(failure, raw.headers.accept, call?.answerRules?.pages)
  if (failure.status === 500) {
    // Over HTTP/2, writing to a stream that its client has just reset throws: nothing is wrong inside.
    const level = hasLeft(reply.raw) ? 'debug' : 'error'
    reply.log[level]({ err: error, requestId: failure.requestId }, 'a request failed inside')
  }
  for (const name in reply.getHeaders()) reply.removeHeader(name)
  endWithAnswer(reply, onEarlyAnswer)
  reply.code(failure.status).headers(headers).send(body)
}

/** To be called before an answer is sent: a request that was not read to its end is the last one of its connection. */
export function endWithAnswer(reply: FastifyReply, onEarlyAnswer: EarlyAnswer): void {
  const { raw } = reply.request
  if (isRequestComplete(raw)) return
  if (isHttp2(reply.raw)) return closeStreamAfterAnswer(reply.raw)
  reply.header('connection', 'close')
  onEarlyAnswer(raw, reply.raw)
}
