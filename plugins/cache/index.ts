/**
 * A shared HTTP cache (RFC 9111) in two halves over one store: answers in the first hook, fills in front of
 * `app.upstream`. It may be registered alone in any Fastify 5 app, and works on what the proxy plugin sends on:
 *
 *     await app.register(upstream, { upstreams: { wiki: { origins: [{ url: 'http://127.0.0.1:3000' }] } } })
 *     await app.register(proxy, { upstream: 'wiki', direct: true })
 *     await app.register(cache, { maxBytes: 64 * 1024 ** 2 })
 */
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest, onRequestHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { contractOf, resolveOptions } from '../contract/index.ts'
import type { ProxyCall, ProxyHooks } from '../proxy/index.ts'
import { bringUpstream } from '../upstream/index.ts'
import { answerHook } from './answer/answer-hook.ts'
import { CacheControl, type CacheStats } from './control.ts'
import { Fills } from './fill/fills.ts'
import { fillInterceptor } from './fill/interceptor.ts'
import { type CacheOptions, cacheOptionsSchema, routeSettings } from './options.ts'
import type { CacheScope, Passage } from './passage.ts'
import { CacheCounters } from './signals.ts'
import { openStore, type Reach } from './stores/index.ts'
import { CodedForms, CodingCounters, MOST_CODINGS } from './variants/index.ts'

export type { CacheOptions } from './options.ts'
export type { CacheScope } from './passage.ts'
export {
  DECODED,
  type EntityTag,
  parseEntityTag,
  parseTagList,
  rangeConditionForOrigin,
  tagForClient,
  tagForOrigin,
  tagListForOrigin,
} from './rules/entity-tag.ts'
export { defaultCacheSettings, type KeySettings, type RouteCacheSettings } from './rules/types.ts'
export {
  openRedisGuard,
  type PurgeOutcome,
  type PurgeSelector,
  StoreOpenError,
  type StoreStats,
} from './stores/index.ts'
export {
  type CodingStats,
  type EncodableHead,
  type EncodeDecision,
  PLAIN,
  type VariantCodec,
} from './variants/index.ts'
export { CacheControl, type CacheStats }

declare module 'fastify' {
  interface FastifyInstance {
    cache: CacheControl
  }
  interface FastifyRequest {
    /** What the cache knows of the request; null where the cache has nothing to do with it. */
    cachePassage: Passage | null
  }
  interface FastifyContextConfig {
    /** False = the cache leaves the route alone. */
    cache?: boolean
  }
}

/** Options that are functions, for programs. */
export interface CacheFunctions {
  /** What holds on the route of a proxied request; null = the cache leaves it alone. */
  readonly settingsFor?: (request: FastifyRequest, call: ProxyCall) => CacheScope | null
}

/** Nothing else shows it: a cache without its store answers as one that is empty. */
function tellReach({ log }: FastifyInstance, reach: Reach): void {
  if (reach.ok) log.info('the Redis of the cache is used again')
  else log.warn({ reason: reach.reason }, `the Redis of the cache cannot be used: ${reach.reason}`)
}

/** How often waiting requests and gauges are looked at. */
const SWEEP_MS = 250

const plugin: FastifyPluginAsync<Partial<CacheOptions> & CacheFunctions> = async (app, options) => {
  const { settingsFor, ...given } = options
  const resolved = resolveOptions('cache', cacheOptionsSchema, given)
  const { store: address, maxBytes, maxObjectBytes, maxVariants, frontBytes, newsUrl } = resolved
  // Each variant may stand there with its coded forms; how many variants there may be is counted when one is stored.
  const bounds = { maxBytes, maxObjectBytes, maxVariants: maxVariants * (1 + MOST_CODINGS), frontBytes }
  await bringUpstream(app)
  const onReach = (reach: Reach): void => tellReach(app, reach)
  const store = await openStore(address, { ...bounds, onReach, ...(newsUrl === undefined ? {} : { newsUrl }) })
  const { signals } = contractOf(app)
  const count = new CacheCounters(signals)
  const isStoreShared = !(address === 'memory' || address.startsWith('disk:')) || newsUrl !== undefined
  const coded = new CodingCounters(signals)
  const forms = new CodedForms({ store, count: coded, now: Date.now })
  const fills = new Fills({ store, count, forms, isStoreShared, now: Date.now })
  app.decorate('cache', new CacheControl({ store, fills, count, forms, coded, signals }))
  app.decorateRequest('cachePassage', null)
  app.upstream.use(fillInterceptor({ store, fills, count, isStoreShared }))
  const scopeOf = settingsFor ?? bareScope(resolved)
  const answering = { store, fills, count, forms, now: Date.now, settingsFor: scopeOf }
  app.addHook(
    'onRequest',
    whereProxied(app, proxy => answerHook({ ...answering, proxy })),
  )
  const sweep = setInterval(() => {
    fills.sweep(performance.now())
    app.cache.sweep()
  }, SWEEP_MS).unref()
  app.addHook('onClose', async () => {
    clearInterval(sweep)
    forms.close()
    await store.close()
  })
}

/** The proxy may come later, or not at all: then nothing is proxied, and no request is the cache's business. */
function whereProxied(
  app: FastifyInstance,
  hookFor: (proxy: ProxyHooks) => onRequestHookHandler,
): onRequestHookHandler {
  if (app.hasDecorator('proxy')) return hookFor(app.proxy)
  let hook: onRequestHookHandler | null = null
  return function (request, reply, next) {
    if (!app.hasDecorator('proxy')) return next()
    hook ??= hookFor(app.proxy)
    hook.call(this, request, reply, next)
  }
}

/** Routes of a bare app; each has been given to Fastify by the app. */
const MOST_BARE_ROUTES = 1_024

/** One scope a route of the app, all with the plugin's options. */
function bareScope(options: CacheOptions): (request: FastifyRequest, call: ProxyCall) => CacheScope | null {
  const settings = routeSettings(options)
  const { etag, coalesce } = options
  const startPages = options.followReleases ? ['/', '/index.html'] : []
  // One object a route, by which is known what was worked out for it.
  const scopes = new Map<string, CacheScope>()
  return ({ routeOptions }, { route }) => {
    if (routeOptions.config.cache === false) return null
    const scope = scopes.get(route) ?? { route, identity: '', settings, etag, coalesce, startPages }
    if (scopes.size < MOST_BARE_ROUTES) scopes.set(route, scope)
    return scope
  }
}

export const cache = fp(plugin, { name: 'hearthgate-cache', fastify: '5.x' })
export default cache
