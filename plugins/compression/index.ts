/**
 * Compression of answers by a policy: which ones, with which coding, at which level, and what their heads say then. Works
 * around @fastify/compress in any Fastify 5 app; with the proxy plugin it decides on answers of origins before they leave:
 *
 *     await app.register(compression, { minSize: 1024 })
 *     await app.register(upstream, { upstreams: { wiki: { origins: [{ url: 'http://127.0.0.1:3000' }] } } })
 *     await app.register(proxy, { upstream: 'wiki', direct: true })
 *
 * Registered before the routes, so that @fastify/compress sees them.
 */
import fastifyCompress from '@fastify/compress'
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { contractOf, exchangesOf, resolveOptions } from '../contract/index.ts'
import type { Changer } from '../proxy/index.ts'
import { type DecodingPlan, type Plan, type PlannedAnswer, planAnswer } from './answer/plan.ts'
import { type SendSetup, sendHook } from './answer/send-hook.ts'
import { isAvailable } from './codec/codecs.ts'
import { HandOver } from './codec/hand-over.ts'
import { Ticker } from './codec/ticker.ts'
import type { CompressionFacts } from './facts.ts'
import { usualBytesPerMs } from './measure/bandwidth.ts'
import { calibrate } from './measure/calibration.ts'
import { ClientRates, rateOf } from './measure/client-rates.ts'
import { Costs } from './measure/costs.ts'
import { LoadWatch } from './measure/load.ts'
import { type CompressionOptions, compressionOptionsSchema } from './options.ts'
import { requestBodies, resourceOf } from './requests/interceptor.ts'
import { LearnedCodings } from './requests/learned.ts'
import { MAX_DECODERS, RecodersInUse } from './requests/recoders.ts'
import { RulesBook, routeCompression } from './route-rules.ts'
import { conditionsForOrigin } from './rules/request-conditions.ts'
import { allCodings, type RouteCompression } from './rules/types.ts'
import { CompressionCounters } from './signals.ts'
import { StorageCodec } from './variant-codec.ts'

export type { CompressionFacts } from './facts.ts'
export {
  type ExpectedEncoding,
  FORECAST_BYTES,
  type Forecast,
  type ForecastQuestion,
  forecast,
  forecastRequest,
  type RequestForecast,
} from './forecast.ts'
export type { CompressionOptions } from './options.ts'
export { routeCompression } from './route-rules.ts'
export type { RouteCompression } from './rules/types.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What became of the answer; null until its head is known, and where the plugin is off. */
    compressionFacts: CompressionFacts | null
    /** Undefined until something is decided; null where the body stays as it is, or is being seen to. */
    compressionPlan: Plan | DecodingPlan | null | undefined
  }
  interface FastifyContextConfig {
    /** False = the plugin leaves the route alone, as pages should be that put secrets beside what a visitor wrote. */
    compression?: boolean
  }
}

/** Options that are functions, for programs. */
export interface CompressionFunctions {
  /** What holds for a request, the same object for the same route; null = the plugin leaves its answer alone. */
  readonly settingsFor?: (request: FastifyRequest) => RouteCompression | null
  /** The same by the name of the route, for answers that a cache encodes while nobody asks. */
  readonly settingsNamed?: (route: string) => RouteCompression | null
}

interface Setup extends SendSetup {
  /** What the resources of the origins have said about request bodies. */
  readonly learned: LearnedCodings
}

/** How often streams are looked at: what pauses is flushed, what waits for its first block is let go. */
const TICK_MS = 5

/** In the `config` of a route: @fastify/compress has its hook on it. */
const handedOver: unique symbol = Symbol('hearthgate.compress-route')

const plugin: FastifyPluginAsync<Partial<CompressionOptions> & CompressionFunctions> = async (app, options) => {
  const { settingsFor, settingsNamed, ...given } = options
  const resolved = resolveOptions('compression', compressionOptionsSchema, given)
  const { signals, tunables } = contractOf(app)
  const count = new CompressionCounters(signals)
  const handOver = new HandOver()
  const book = new RulesBook(tunables)
  const bare = new BareSettings(resolved)
  const settingsOf = settingsFor ?? (request => bare.of(request))
  const namedSettings = settingsNamed ?? (settingsFor === undefined ? route => bare.named(route) : () => null)
  const rates = new ClientRates()
  const setup: Setup = {
    learned: new LearnedCodings(),
    inUse: new RecodersInUse(),
    costs: new Costs(),
    load: new LoadWatch(),
    count,
    ticker: new Ticker(TICK_MS),
    handOver,
    rulesFor: request => {
      const settings = settingsOf(request)
      return settings === null ? null : book.of(settings)
    },
    rulesByName: route => {
      const settings = namedSettings(route)
      return settings === null ? null : book.of(settings)
    },
    paceOf: request => {
      const address = request.proxyCall?.client.address ?? request.ip ?? ''
      return rates.of(address) ?? usualBytesPerMs(address)
    },
    isHandedOver: request => handedOver in request.routeOptions.config,
  }
  exchangesOf(app).listen({
    wants: () => true,
    ended: entry => {
      const bytesPerMs = rateOf(entry)
      if (bytesPerMs !== null) rates.learn(entry.client, bytesPerMs)
    },
  })
  app.decorateRequest('compressionFacts', null)
  app.decorateRequest('compressionPlan', undefined)
  await registerCompress(app, handOver)
  app.addHook('onSend', sendHook(setup) as never)
  app.addHook('onReady', async () => joinNeighbours(app, setup))
  const ending = new AbortController()
  app.addHook('onListen', async () => void calibrate(setup.costs, allCodings, ending.signal))
  app.addHook('onClose', async () => {
    ending.abort()
    setup.ticker.stop()
    setup.load.stop()
  })
}

/** The named package labels what the policy has made (docs/adr/0008). */
async function registerCompress(app: FastifyInstance, handOver: HandOver): Promise<void> {
  await app.register(fastifyCompress, {
    global: true,
    globalDecompression: false,
    threshold: 0,
    syncThreshold: Number.POSITIVE_INFINITY,
    customTypes: () => true,
    encodings: ['zstd', 'br', 'gzip'],
    zlib: handOver.zlib,
  })
  app.addHook('onRoute', route => {
    if (route.compress !== false) route.config = Object.assign(route.config ?? {}, { [handedOver]: true })
  })
}

/** Whatever order the plugins were registered in: by now all are there. */
function joinNeighbours(app: FastifyInstance, setup: Setup): void {
  if (app.hasDecorator('proxy')) app.proxy.addChanger(changer(setup))
  if (app.hasDecorator('cache')) {
    app.cache.encodeWith(new StorageCodec(allCodings.filter(isAvailable), route => setup.rulesByName(route)))
  }
  if (app.hasDecorator('upstream')) {
    app.upstream.use(next => (upstream, request, handler) => {
      const headers = conditionsForOrigin(request.headers)
      return next(upstream, headers === request.headers ? request : { ...request, headers }, handler)
    })
    app.upstream.use(requestBodies(setup))
  }
}

/** Decides on an origin's answer before any of it is sent. */
function changer(setup: Setup): Changer {
  return (answer, asked) => {
    const request = asked as FastifyRequest
    const rules = setup.rulesFor(request)
    if (rules === null) return false
    const { plan, facts, acceptEncoding } = planAnswer(
      request,
      answer as PlannedAnswer,
      rules,
      setup.inUse.decoders >= MAX_DECODERS,
    )
    if (acceptEncoding !== null) learn(setup.learned, request, acceptEncoding)
    request.compressionPlan = plan
    request.compressionFacts = facts
    if (facts.reason !== 'encoded') setup.count.skipped(rules.settings.route, facts.reason)
    return plan !== null
  }
}

/** RFC 9110 §12.5.3: in an answer it is about later requests for the same resource. */
function learn(learned: LearnedCodings, request: FastifyRequest, acceptEncoding: string): void {
  const resource = resourceOf(request)
  if (resource !== null) learned.note(resource, acceptEncoding, performance.now())
}

/** One for each route of the app, all with the plugin's options. */
class BareSettings {
  readonly #options: CompressionOptions
  readonly #known = new Map<string, RouteCompression>()

  constructor(options: CompressionOptions) {
    this.#options = options
  }

  of(request: FastifyRequest): RouteCompression | null {
    const { config, url } = request.routeOptions
    if (config.compression === false) return null
    return this.named(request.proxyCall?.route ?? url ?? 'other')
  }

  named(route: string): RouteCompression {
    const settings = this.#known.get(route) ?? routeCompression(route, this.#options)
    this.#known.set(route, settings)
    return settings
  }
}

export const compression = fp(plugin, {
  name: 'hearthgate-compression',
  fastify: '5.x',
})
export default compression
