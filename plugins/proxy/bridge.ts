/**
 * The bridge under @fastify/reply-from: an object with `request(options, callback)` that finds the call on the headers
 * reply-from hands through, and sends it to `app.upstream` with the raw target, the raw head and the raw body. What
 * reply-from made of the URL, the head or the body is not used (traps T5, T9, T11, T12, T14).
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Bag, holdingClient } from '../contract/index.ts'
import { type ExchangeRequest, isUpstreamFailure, type Upstreams } from '../upstream/index.ts'
import type { ProxyCall } from './call.ts'
import { hasLeft } from './client-socket.ts'
import { bodyStalled, bodyTooLarge, clientLeft } from './errors.ts'
import { gatherLength, isGathered } from './length-of-small-body.ts'
import { type AnswerSurroundings, type BridgeCallback, ProxiedAnswer } from './proxied-answer.ts'
import { type BodyLength, bodyLength, RequestBody, waitsForContinue } from './request-body.ts'
import { requestHead } from './request-head.ts'

/** The request for the origin of a call, without a body; `incoming` is who waits for it. */
export function headRequest(request: FastifyRequest, call: ProxyCall, incoming: boolean): ExchangeRequest {
  const { raw } = request
  const headers = requestHead(raw.rawHeaders, {
    client: call.client,
    host: call.host,
    httpVersion: raw.httpVersionMajor === 2 ? '2' : raw.httpVersion,
    requestId: call.requestId,
    strippedPrefix: call.strippedPrefix,
    rules: call.requestRules,
  })
  const { balanceKey } = call
  const bare = { method: raw.method ?? 'GET', path: call.target, headers, body: null, bodyLength: null, balanceKey }
  return incoming ? { ...bare, incoming: request, holder: holdingClient(raw) } : bare
}

/** Where the call rides on the headers object that reply-from copies (symbols are copied, never sent). */
export const callKey: unique symbol = Symbol('hearthgate.proxy-call')

export interface BridgedCall {
  readonly call: ProxyCall
  readonly reply: FastifyReply
}

export interface BridgeSetup {
  readonly upstreams: Upstreams
  readonly around: AnswerSurroundings
  /** Bodies whose progress the sweep watches. */
  readonly bodies: Bag<RequestBody>
}

interface BridgeOptions {
  readonly headers: { readonly [callKey]?: BridgedCall }
}

export class Bridge {
  readonly #setup: BridgeSetup

  constructor(setup: BridgeSetup) {
    this.#setup = setup
  }

  /** As undici's `request`, in its callback form; the only caller is reply-from. */
  request(options: BridgeOptions, callback: BridgeCallback): void {
    const bridged = options.headers[callKey]
    if (bridged === undefined) return callback(new Error('reply.from without a proxy call'))
    const { call, reply } = bridged
    const answer = new ProxiedAnswer(reply, call, this.#setup.around, callback)
    reply.request.proxyFacts = answer.facts
    const { raw } = reply.request
    if (!isGathered(raw)) return this.#send(reply, call, answer, bodyLength(raw))
    const release = this.#setup.upstreams.hold(call.upstream)
    // RFC 9110 §10.1.1 lets a proxy say so before an origin does: nothing can be gathered of who waits for it.
    if (waitsForContinue(raw)) reply.raw.writeContinue()
    gatherLength(raw, gathered => {
      try {
        this.#sendGathered(reply, call, answer, gathered)
      } finally {
        release()
      }
    })
  }

  #sendGathered(reply: FastifyReply, call: ProxyCall, answer: ProxiedAnswer, gathered: number | null): void {
    if (hasLeft(reply.raw)) return answer.onResponseError(null as never, clientLeft())
    // Nobody else reads a body without bytes to its end.
    if (gathered === 0) reply.request.raw.resume()
    try {
      this.#send(reply, call, answer, gathered ?? 'unknown')
    } catch (error) {
      // Out of the handler's turn nobody else would catch it.
      answer.onResponseError(null as never, error as Error)
    }
  }

  #send(reply: FastifyReply, call: ProxyCall, answer: ProxiedAnswer, length: BodyLength): void {
    const request = this.#exchangeRequest(reply, call, answer, length)
    if (request === null) return
    try {
      answer.facts.exchange = this.#setup.upstreams.dispatch(call.upstream, request, answer)
    } catch (error) {
      if (!isUpstreamFailure(error)) throw error
      answer.onResponseError(null as never, error)
    }
  }

  #exchangeRequest(
    reply: FastifyReply,
    call: ProxyCall,
    answer: ProxiedAnswer,
    length: BodyLength,
  ): ExchangeRequest | null {
    const bare = headRequest(reply.request, call, true)
    if (length === null) return bare
    if (length === 0) return { ...bare, bodyLength: 0 }
    if (call.maxBodyBytes !== null && typeof length === 'number' && length > call.maxBodyBytes) {
      answer.onResponseError(null as never, bodyTooLarge(call.route, call.maxBodyBytes))
      return null
    }
    this.#watchBody(reply, call, answer)
    return { ...bare, body: reply.request.raw, bodyLength: length === 'unknown' ? null : length }
  }

  #watchBody(reply: FastifyReply, call: ProxyCall, answer: ProxiedAnswer): void {
    const { raw } = reply.request
    const limits = { maxBytes: call.maxBodyBytes, idleMs: call.bodyIdleMs }
    const body = new RequestBody(raw, limits, {
      onBytes: this.#setup.around.onBytes,
      onExceeded: () => answer.giveUp(bodyTooLarge(call.route, call.maxBodyBytes ?? 0)),
      onStalled: () => answer.giveUp(bodyStalled()),
    })
    answer.facts.body = body
    this.#setup.bodies.add(body)
    raw.once('close', () => this.#setup.bodies.delete(body))
    if (waitsForContinue(raw) && !isGathered(raw)) body.continueWhenRead(reply.raw)
  }
}
