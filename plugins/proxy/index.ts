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
import { Bag, resolveOptions } from '../contract/index.ts'
import { registerPrefix } from './bare-route.ts'
import { Bridge, callKey } from './bridge.ts'
import type { EarlyAnswer, ProxyCall, ProxyFacts } from './call.ts'
import { EventStreams } from './event-streams.ts'
import { sendFailure } from './failure.ts'
import { type ProxyOptions, proxyOptionsSchema } from './options.ts'
import type { AnswerSurroundings } from './proxied-answer.ts'
import type { RequestBody } from './request-body.ts'
import type { Changer } from './way-out.ts'

export { type AnswerHead, answerHead, asHeaderObject } from './answer-head.ts'
export type { EarlyAnswer, ProxyCall, ProxyFacts } from './call.ts'
export { type ClientFacts, clientFacts, compileTrust, plainAddress, type TrustCheck } from './client-facts.ts'
export { endWithAnswer, publicFailure, sendFailure } from './failure.ts'
export { type FailureAnswer, failureAnswer, type PublicFailure } from './failure-page.ts'
export { hopByHop, isIdentityField, ownRequestFields, wayFields } from './fields.ts'
export type { HeaderRules, ProxyOptions } from './options.ts'
export { type FieldRules, GATEWAY_NAME, type RequestHeadFacts, requestHead } from './request-head.ts'
export type { AnswerFacts, Changer } from './way-out.ts'

declare module 'fastify' {
  interface FastifyInstance {
    proxy: ProxyHooks
  }
  interface FastifyReply {
    /** Sends the request to `call.upstream` and its answer to the client. */
    proxy(call: ProxyCall): void
  }
  interface FastifyRequest {
    /** How the proxied request went; null before `reply.proxy`. */
    proxyFacts: ProxyFacts | null
  }
}

export interface ProxyHooks {
  /** Registers somebody who may change answers in onSend; asked for each answer whether it will. */
  addChanger(changer: Changer): void
  /** Open event streams, for a reload or a stop. */
  readonly eventStreams: EventStreams
}

/** Options that are functions, for programs. */
export interface ProxyFunctions {
  readonly onEarlyAnswer?: EarlyAnswer
  /** Told of body bytes that passed, either way. */
  readonly onBytes?: (count: number) => void
}

/** How often the progress of request bodies is looked at. */
const SWEEP_MS = 500
/** reply-from wants an absolute source; where a request goes is decided by the call alone. */
const SOURCE = 'http://upstream.invalid/'

const plugin: FastifyPluginAsync<Partial<ProxyOptions> & ProxyFunctions> = async (app, options) => {
  const { onEarlyAnswer = () => {}, onBytes = () => {}, ...given } = options
  const resolved = given.upstream === undefined ? null : resolveOptions('proxy', proxyOptionsSchema, given)
  const changers: Changer[] = []
  const around: AnswerSurroundings = {
    isDirectAllowed: options.direct ?? false,
    changers,
    onEarlyAnswer,
    onBytes,
    eventStreams: new EventStreams(),
    fail: (reply, call, error) => sendFailure(reply, call, error, onEarlyAnswer),
  }
  const bodies = watchedBodies(app)
  const undici = new Bridge({ upstreams: app.upstream, around, bodies })
  await app.register(replyFrom, {
    undici: undici as never,
    disableRequestLogging: true,
  } as Parameters<typeof replyFrom>[1])
  app.decorate('proxy', {
    addChanger: (changer: Changer) => void changers.push(changer),
    eventStreams: around.eventStreams,
  })
  app.decorateRequest('proxyFacts', null)
  app.decorateReply('proxy', function (this: FastifyReply, call: ProxyCall) {
    this.request.raw[callKey] = { call, reply: this }
    this.from(SOURCE, fromOptions)
  })
  // The proxy says 100 when an origin is there to read the body, not before (RFC 9110 §10.1.1).
  app.server.on('checkContinue', (request, response) => void app.routing(request, response))
  if (resolved !== null) registerPrefix(app, resolved)
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
