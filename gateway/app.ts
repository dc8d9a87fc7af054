/**
 * The gateway as one Fastify app. Read `buildGateway` from top to bottom to see the way of a request: facts and route,
 * refusals, then the proxy over the pools; upgrades take the tunnel beside it.
 */
import { METHODS } from 'node:http'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import { type AttemptCounter, access } from '../plugins/access/index.ts'
import { accessLog, type Destination, redactUrl } from '../plugins/access-log/index.ts'
import { admission } from '../plugins/admission/index.ts'
import { type BatchScope, batch } from '../plugins/batch/index.ts'
import { type CacheOptions, cache } from '../plugins/cache/index.ts'
import { compression } from '../plugins/compression/index.ts'
import { contractOf, type ExchangeEntry, exchangesOf } from '../plugins/contract/index.ts'
import { metrics, withoutQuery } from '../plugins/metrics/index.ts'
import { proxy, sendFailure } from '../plugins/proxy/index.ts'
import { rateLimit } from '../plugins/rate-limit/index.ts'
import { retry } from '../plugins/retry/index.ts'
import { type Tracing, tracing } from '../plugins/tracing/index.ts'
import { tuner } from '../plugins/tuner/index.ts'
import { upstream } from '../plugins/upstream/index.ts'
import { websocket } from '../plugins/websocket/index.ts'
import { accessFacts, tunnelEntry } from './access-facts.ts'
import { answerChallenge, receive } from './arrival.ts'
import { batchPathOf } from './batch-path.ts'
import { certificateSignals } from './certificate-signals.ts'
import { CHALLENGE_PATH } from './certificates/index.ts'
import type { GatewayConfig } from './config/types.ts'
import { DEBUG_FIELD, WHY_FIELD, whyFor } from './debug-header.ts'
import { entryHook } from './entry.ts'
import { garbageBound } from './garbage-bound.ts'
import { addressKey, armLinger, type CertificateValidity } from './listeners/index.ts'
import type { LogTarget } from './log-target.ts'
import { noSchemas } from './no-schemas.ts'
import { proxyCallFor } from './proxy-call.ts'
import { sharedCounts } from './rate-limits.ts'
import { preventedTotals } from './report/prevented.ts'
import { answerRulesFor, locateAnswer, type RequestFacts, requestFacts, traceIdIn } from './request-facts.ts'
import { addServerTiming, timeEncoding } from './server-timing.ts'
import { cacheScopeAt, type Serving } from './serving.ts'
import { resolveUpgrade, type TunnelEnded, upgradeFailurePage } from './upgrades.ts'

declare module 'fastify' {
  interface FastifyRequest {
    facts: RequestFacts
  }
}

const DEFAULT_INTERVAL_MS = 300_000

/** The state that a reload swaps. */
export interface GatewayState {
  serving: Serving
}

export interface GatewayParts {
  readonly log: LogTarget
  /** Where access lines go; stderr without it. */
  readonly accessSink?: Destination
  /** Where attempts to log in are counted, where this is one process among several. */
  readonly attempts?: AttemptCounter
  /** Of the listeners, which open after the app. */
  readonly certificates?: () => readonly CertificateValidity[]
  /** Place among several processes that share the state_dir, from 0. */
  readonly slot?: number
}

/** The app, ready for requests through `app.routing`; it listens on nothing itself. */
export async function buildGateway(state: GatewayState, parts: GatewayParts): Promise<FastifyInstance> {
  const app = Fastify({
    // The target is matched by the route table, byte for byte; Fastify's router would refuse or change some of them.
    rewriteUrl: () => '/',
    genReqId: () => '',
    loggerInstance: withoutChildren(parts.log.logger as FastifyBaseLogger),
    logController: new LogController({ disableRequestLogging: true }),
    return503OnClosing: false,
    schemaController: noSchemas,
  })
  app.decorateRequest('facts', null as unknown as RequestFacts)

  await app.register(upstream, {})
  app.upstream.apply(state.serving.upstreams)

  await app.register(accessLog, {
    facts: accessFacts,
    settings: () => state.serving.config.log,
    ...(parts.accessSink === undefined ? {} : { destination: parts.accessSink }),
  })
  const tellCertificates = certificateSignals(contractOf(app).signals)
  await app.register(metrics, {
    facts: accessFacts,
    beforeRead: () => tellCertificates(parts.certificates?.() ?? []),
    intervalMs: analysisInterval(state.serving.config),
    ...(state.serving.config.redis === null ? {} : { redis: state.serving.config.redis }),
    stateDir: state.serving.config.stateDir,
    stateFile: parts.slot ? `hours-${parts.slot}.json` : 'hours.json',
    totals: () => preventedTotals(contractOf(app).signals),
    urlOf: urlToTell,
    routeOf: ({ facts }) => (facts?.match.kind === 'route' ? facts.match.route.name : null),
  })
  if (state.serving.config.tracing.spans) await app.register(tracing, { attach: false, urlOf: urlToTell })
  const { tracing: spans } = app as { readonly tracing?: Tracing }
  app.addHook('onRequest', (request, reply, next) => {
    const { serving } = state
    request.facts = requestFacts(serving, request.raw, request.originalUrl)
    if (spans !== undefined) request.facts = inTrace(request, spans)
    if (request.raw.headers[DEBUG_FIELD] !== undefined) tellWhy(serving, request, reply)
    const { challenges } = serving
    if (challenges === null || !request.originalUrl.startsWith(CHALLENGE_PATH)) {
      return receive(serving, request, reply, next)
    }
    answerChallenge(challenges, request, reply)
      .then(isAnswered => (isAnswered ? undefined : receive(serving, request, reply, next)))
      .catch(next)
  })
  await app.register(access, {
    attach: false,
    ...(parts.attempts === undefined ? {} : { attempts: parts.attempts }),
  })
  await app.register(rateLimit, { attach: false, redis: sharedCounts(state.serving.config.store) })
  app.addHook('onRequest', entryHook(app))
  const callFor = (request: FastifyRequest) => proxyCallFor(request, state.serving.config.limits.bodyIdleMs)
  await app.register(proxy, { direct: true, callFor, onEarlyAnswer: armLinger, onBytes: garbageBound() })
  await app.register(admission, { clientOf: ({ facts }) => addressKey(facts.client.address) })
  app.admission.apply(state.serving.admission, state.serving.config.uplink)
  await app.register(retry, {})
  app.retry.apply(state.serving.retries)
  await app.register(batch, { settingsFor: ({ facts }) => batchScope(facts) })
  await app.register(cache, {
    ...storeOptions(state.serving.config),
    settingsFor: ({ facts: { match, query }, access }) =>
      match.kind === 'route' ? cacheScopeAt(match.route, match.path, query, access) : null,
  })
  // Behind the cache: what comes out of the store is encoded like what comes from an origin.
  await app.register(compression, {
    settingsFor: ({ facts }) => (facts?.match.kind === 'route' ? facts.match.route.encoding : null),
    settingsNamed: route => state.serving.encodings[route] ?? null,
  })
  app.proxy.addChanger((answer, request) => addServerTiming(answer, request as FastifyRequest))
  app.proxy.addChanger(({ status, fields }, request) => {
    const { facts, originalUrl: asked } = request as FastifyRequest
    locateAnswer(state.serving, facts, { status, fields, asked })
    return false
  })
  timeEncoding(app)
  const logTunnel: TunnelEnded = (request, facts, summary) => {
    exchangesOf(app).tell(tunnelEntry(request, facts, summary), request)
  }
  await app.register(websocket, {
    attach: false,
    resolve: request =>
      resolveUpgrade(request, {
        serving: state.serving,
        upstreams: app.upstream,
        access: app.access,
        rateLimiter: app.rateLimiter,
        onEnd: logTunnel,
      }),
    renderFailure: upgradeFailurePage,
  })

  await app.register(tuner, { stateDir: state.serving.config.stateDir })
  // After every plugin has declared its knobs.
  app.tuner.apply(state.serving.tuner)

  passEveryMethod(app)
  app.route({
    method: [...app.supportedMethods],
    url: '/',
    handler: (_request, reply) => reply.proxy(),
  })
  app.setErrorHandler((error, request, reply) =>
    sendFailure(reply, failedCall(request.facts), error as Error, armLinger),
  )
  await app.ready()
  return app
}

/** No logger of its own for each request: lines carry the request's id themselves. */
function withoutChildren(logger: FastifyBaseLogger): FastifyBaseLogger {
  const alone: FastifyBaseLogger = Object.create(logger, { child: { value: () => alone } })
  return alone
}

const urlToTell = ({ url, redaction }: ExchangeEntry): string => redactUrl(withoutQuery(url), redaction)

/** The app behind belongs to the gateway's own span, in place of the client's. */
function inTrace(request: FastifyRequest, spans: Tracing): RequestFacts {
  spans.begin(request)
  const trace = spans.fieldsFor(request)
  return Object.keys(trace).length === 0 ? request.facts : { ...request.facts, trace, traceId: traceIdIn(trace) }
}

/** In a field of the answer, whatever becomes of the request. */
function tellWhy(serving: Serving, { facts, raw, originalUrl }: FastifyRequest, reply: FastifyReply): void {
  const { admin } = serving.config
  const why = whyFor(serving, { admin, target: originalUrl, request: raw }, facts)
  if (why !== null) reply.header(WHY_FIELD, why)
}

/** No method has a body for Fastify, so it parses none (traps T11, and 415 for a strange Content-Type). */
function passEveryMethod(app: FastifyInstance): void {
  for (const method of METHODS) {
    if (method !== 'CONNECT') app.addHttpMethod(method, { hasBody: false, overrideExisting: true })
  }
}

/** The store is one for all routes: how long an answer may be is a route's own matter, variants are the store's. */
function storeOptions({ store, storeLimits, routes }: GatewayConfig): Partial<CacheOptions> {
  const { size, memory } = storeLimits
  const maxBytes = store === 'memory' ? Math.min(size, memory) : size
  const variants = routes.map(route => (route.cache === false ? 1 : route.cache.variants))
  return { store, maxBytes, maxObjectBytes: maxBytes, frontBytes: memory, maxVariants: Math.max(1, ...variants) }
}

/** The shortest interval that a route's tuner looks at. */
function analysisInterval({ routes }: GatewayConfig): number {
  const intervals = routes.map(({ tuner }) => tuner['intervalMs']).filter(each => typeof each === 'number')
  return intervals.length === 0 ? DEFAULT_INTERVAL_MS : Math.min(...intervals)
}

/** What of the route holds for a call; null where the route has no part in batches. */
function batchScope({ match, client, hostHeader }: RequestFacts): BatchScope | null {
  if (match.kind !== 'route' || !match.route.batch) return null
  const { batchSize, maxConcurrent } = match.route.requestOptimization
  return { path: batchPathOf(match.route), batchSize, maxConcurrent, ownOrigin: `${client.proto}://${hostHeader}` }
}

/** What the page for a request that failed here needs to know; null for one that failed before the first hook. */
function failedCall(facts: RequestFacts | null | undefined) {
  // Without facts where the framework gives up before its first hook.
  if (facts === null || facts === undefined) return null
  const { requestId, match } = facts
  return { requestId, ...(match.kind === 'route' ? { answerRules: answerRulesFor(match.route, facts) } : {}) }
}
