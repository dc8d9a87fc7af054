/**
 * Proxying over `app.upstream` with @fastify/reply-from as the bridge, as `reply.proxy(call)`. With `upstream` in its
 * options it also serves a prefix by itself, in any Fastify 5 app:
 *
 *     await app.register(upstream, { upstreams: { wiki: { origins: [{ url: 'http://127.0.0.1:3000' }] } } })
 *     await app.register(proxy, { upstream: 'wiki', prefix: '/wiki', rewritePath: '/' })
 */
import replyFrom, { type FastifyReplyFromHooks } from '@fastify/reply-from'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Bag, OptionsError, resolveOptions } from '../contract/index.ts'
import type { ExchangeHandler, ExchangeRequest } from '../upstream/index.ts'
import { mountedPrefix, prefixCalls, registerPrefix } from './bare-route.ts'
import { Bridge, callKey, headRequest } from './bridge.ts'
import type { EarlyAnswer, ProxyCall, ProxyFacts } from './call.ts'
import { EventStreams } from './event-streams.ts'
import { sendFailure } from './failure.ts'
import { bareOptionsSchema, type ProxyOptions, proxyOptionsSchema } from './options.ts'
import type { Pacer } from './pacing.ts'
import { type PreparedAnswer, sendPrepared } from './prepared-answer.ts'
import { type AnswerSurroundings, ProxiedAnswer } from './proxied-answer.ts'
import type { RequestBody } from './request-body.ts'
import type { Changer } from './way-out.ts'

export { type AnswerHead, type AnswerRules, answerHead, asHeaderObject } from './answer-head.ts'
export type { EarlyAnswer, ProxyCall, ProxyFacts } from './call.ts'
export { type ClientFacts, clientFacts, compileTrust, type TrustCheck } from './client-facts.ts'
export { hasLeft } from './client-socket.ts'
export { endWithAnswer, publicFailure, sendFailure } from './failure.ts'
export { escapeHtml, type FailureAnswer, failureAnswer, type PublicFailure, withPageFields } from './failure-page.ts'
export { hopByHop, nominatedFields, ownRequestFields } from './fields.ts'
export { plainAddress } from './forwarded.ts'
export type { HeaderRules, ProxyOptions } from './options.ts'
export type { Pace, Pacer } from './pacing.ts'
export { type PreparedAnswer, type PreparedHead, prepareHead } from './prepared-answer.ts'
export { bodyLength } from './request-body.ts'
export { type FieldRules, GATEWAY_NAME, type RequestHeadFacts, requestHead } from './request-head.ts'
export { type AnswerFacts, type Changer, hasNoBody } from './way-out.ts'
export { WholeResponse } from './whole-response.ts'

declare module 'fastify' {
  interface FastifyInstance {
    proxy: ProxyHooks
  }
  interface FastifyReply {
    /** Sends the request to `call.upstream` and its answer to the client; without one the app's own call for it. */
    proxy(call?: ProxyCall): void
  }
  interface FastifyRequest {
    /** How the proxied request went; null before `reply.proxy`. */
    proxyFacts: ProxyFacts | null
    /** Undefined until somebody asks `app.proxy.callFor`. */
    proxyCall: ProxyCall | null | undefined
  }
}

export interface ProxyHooks {
  /** Registers somebody who may change answers in onSend; asked for each answer whether it will. */
  addChanger(changer: Changer): void
  /** Lets `pacer` bound how fast answers are sent, an origin's and stored ones alike; there is one such. */
  paceBy(pacer: Pacer): void
  /** Open event streams, for a reload or a stop. */
  readonly eventStreams: EventStreams
  /** What the app proxies this request with, null where it does not; the same object however often it is asked. */
  callFor(request: FastifyRequest): ProxyCall | null
  /** The request for the origin of a call, without a body, that nobody waits for: to be sent in the background. */
  headRequest(request: FastifyRequest, call: ProxyCall): ExchangeRequest
  /**
   * Answers a client from another source than an origin, before the handler is reached: what the source tells the
   * handler goes out as an origin's answer would, by the same rules.
   */
  answer(reply: FastifyReply, call: ProxyCall): ExchangeHandler
  /**
   * The same for an answer that is wholly at hand and whose head was prepared before. False: nothing was sent, since
   * somebody may change it; `answer` is the way then.
   */
  answerPrepared(reply: FastifyReply, call: ProxyCall, answer: PreparedAnswer): boolean
}

/** Options that are functions, for programs. */
export interface ProxyFunctions {
  /** The call for a request that an app proxies by handlers of its own; a prefix needs none. */
  readonly callFor?: (request: FastifyRequest) => ProxyCall | null
  readonly onEarlyAnswer?: EarlyAnswer
  /** Told of body bytes that passed, either way. */
  readonly onBytes?: (count: number) => void
}

/** How often the progress of request bodies is looked at. */
const SWEEP_MS = 500
const ONE_A_SCOPE =
  'is there already; a further one needs a scope of its own: app.register(async scope => void (await scope.register(proxy, …)))'
/** reply-from wants an absolute source; where a request goes is decided by the call alone. */
const SOURCE = 'http://upstream.invalid/'

const plugin: FastifyPluginAsync<Partial<ProxyOptions> & ProxyFunctions> = async (app, options) => {
  const { onEarlyAnswer = () => {}, onBytes = () => {}, callFor = () => null, ...given } = options
  const resolved = given.upstream === undefined ? null : resolveOptions('proxy', proxyOptionsSchema, given)
  if (resolved === null) resolveOptions('proxy', bareOptionsSchema, given)
  if (app.hasDecorator('proxy')) throw new OptionsError('proxy', [ONE_A_SCOPE])
  const findCall =
    resolved === null ? callFor : prefixCalls({ ...resolved, prefix: mountedPrefix(app.prefix, resolved.prefix) })
  const changers: Changer[] = []
  const around: AnswerSurroundings = {
    isDirectAllowed: options.direct ?? false,
    changers,
    onEarlyAnswer,
    onBytes,
    eventStreams: new EventStreams(),
    pacer: { current: null },
    fail: (reply, call, error) => sendFailure(reply, call, error, onEarlyAnswer),
  }
  const bodies = watchedBodies(app)
  const undici = new Bridge({ upstreams: app.upstream, around, bodies })
  await app.register(replyFrom, {
    undici: undici as never,
    disableRequestLogging: true,
  } as Parameters<typeof replyFrom>[1])
  const hooks: ProxyHooks = {
    addChanger: changer => void changers.push(changer),
    eventStreams: around.eventStreams,
    paceBy: pacer => {
      around.pacer.current = pacer
    },
    callFor: request => {
      if (request.proxyCall === undefined) request.proxyCall = findCall(request)
      return request.proxyCall
    },
    headRequest: (request, call) => headRequest(request, call, false),
    answer: (reply, call) => answerFrom(reply, call, around),
    // What is to keep a pace goes the way that can wait.
    answerPrepared: (reply, call, answer) =>
      (around.pacer.current?.(reply.request, call) ?? null) === null && sendPrepared(reply, call, answer, around),
  }
  app.decorate('proxy', hooks)
  app.decorateRequest('proxyFacts', null)
  app.decorateRequest('proxyCall', undefined)
  app.decorateReply('proxy', function (this: FastifyReply, given?: ProxyCall) {
    const call = given ?? hooks.callFor(this.request)
    if (call === null) throw new TypeError('reply.proxy without a call for this request')
    this.request.raw[callKey] = { call, reply: this }
    this.from(SOURCE, fromOptions)
  })
  // The proxy says 100 when an origin is there to read the body, not before (RFC 9110 §10.1.1).
  app.server.on('checkContinue', (request, response) => void app.routing(request, response))
  if (resolved !== null) registerPrefix(app, resolved)
}

/** By the framework's way out the answer is what the hook sends, so that the handler is not reached. */
function answerFrom(reply: FastifyReply, call: ProxyCall, around: AnswerSurroundings): ExchangeHandler {
  const answer = new ProxiedAnswer(reply, call, around, (error, answered) => {
    if (error !== null || answered === undefined) return around.fail(reply, call, error ?? new Error('no answer'))
    reply.code(answered.statusCode).headers(answered.headers).send(answered.body)
  })
  reply.request.proxyFacts = answer.facts
  return answer
}

declare module 'node:http' {
  interface IncomingMessage {
    [callKey]?: import('./bridge.ts').BridgedCall
  }
}

/** The same for every call: no closure a request, and none of reply-from's own retries (traps T5). */
const fromOptions = {
  rewriteRequestHeaders: (request: FastifyRequest) => ({ [callKey]: request.raw[callKey] }),
  retryDelay: () => null,
  onError: (reply: FastifyReply, { error }: { error: Error }) => sendFailure(reply, null, error),
} as unknown as FastifyReplyFromHooks

function watchedBodies(app: FastifyInstance): Bag<RequestBody> {
  const bodies = new Bag<RequestBody>()
  const sweep = setInterval(() => {
    const now = performance.now()
    bodies.visit(body => body.checkTime(now))
  }, SWEEP_MS).unref()
  app.addHook('onClose', (_app, done) => {
    clearInterval(sweep)
    done()
  })
  return bodies
}

export const proxy = fp(plugin, {
  name: 'hearthgate-proxy',
  fastify: '5.x',
  decorators: { fastify: ['upstream'] },
})
export default proxy
