/**
 * The configuration in the form that requests use: the route table and, for each route, the constants of its proxy
 * calls. Made anew by each reload and swapped as one reference, so no request ever sees half of a change.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { AccessGuard } from '../plugins/access/index.ts'
import { compileRedaction, type Redaction } from '../plugins/access-log/index.ts'
import type { LaneOptions } from '../plugins/admission/index.ts'
import { laneOptionsSchema } from '../plugins/admission/options.ts'
import type { CacheScope } from '../plugins/cache/index.ts'
import { type RouteCompression, routeCompression } from '../plugins/compression/index.ts'
import { compilePaths, type PathSet, resolveOptions } from '../plugins/contract/index.ts'
import { type AnswerRules, compileTrust, type FieldRules, type TrustCheck } from '../plugins/proxy/index.ts'
import type { RateLimit } from '../plugins/rate-limit/index.ts'
import { defaultRetryPolicy, type RetryPolicy } from '../plugins/retry/index.ts'
import type { TunerSettings } from '../plugins/tuner/index.ts'
import type { UpstreamGroupOptions } from '../plugins/upstream/index.ts'
import { guardOf } from './access.ts'
import { foldersOf } from './certificates/index.ts'
import type { CacheConfig, GatewayConfig, RouteConfig } from './config/types.ts'
import { rateLimitOf } from './rate-limits.ts'
import { compileRoutes, type RouteTable } from './routing/index.ts'
import { appBase, pathInApp, startPages } from './rules/app-path.ts'
import { secureRules } from './rules/hsts.ts'
import { type HttpsDoor, httpsDoors } from './rules/https-redirect.ts'
import type { OwnAddresses } from './rules/location.ts'
import { compileRedirects, type Redirects } from './rules/redirects.ts'
import { type Fill, securityFills, withFills } from './rules/security-headers.ts'
import { hasTemplates } from './rules/templates.ts'
import { tunerSettings } from './tuned-routes.ts'

/** Requests that may wait for a connection to one origin, and for how long (security.md, connections). */
const QUEUE_SIZE = 256
const QUEUE_TIMEOUT_MS = 1_000
/** Of no meaning while there is no probe. */
const DEFAULT_PROBE_MS = 10_000

/** One route, ready for requests. The fields of `RouteConfig` that routing reads stand here too. */
export interface ServedRoute extends Omit<RouteConfig, 'redirects' | 'rateLimit'> {
  /** Host sent to the origin; null = the client's. */
  readonly hostToSend: string | null
  /** The prefix that the origin does not see, or null. */
  readonly strippedPrefix: string | null
  /** What stands in its place at the origin, without a slash at the end. */
  readonly mountBase: string
  /** What stands in front of the paths of the app at the origin, with or without a rewrite. */
  readonly appBase: string
  /** The addresses by which the app may know itself; null = what it says is told as it is. */
  readonly ownAddresses: OwnAddresses | null
  /** What the cache does on this route; null = it is off. */
  readonly cacheScope: CacheScope | null
  /** What is encoded on this route; null = nothing. */
  readonly encoding: RouteCompression | null
  /** Where the cache does something else; null = nowhere. */
  readonly cachePaths: CachePaths | null
  /** Who may come in; null = everybody. */
  readonly guard: AccessGuard | null
  /** Requests that are answered in a time; null = all. */
  readonly rateLimit: RateLimit | null
  readonly redirects: Redirects | null
  readonly redaction: Redaction | null
  /** Scheme of the origin for the addresses in WebDAV heads; null = they stay as they are. */
  readonly davScheme: 'http' | 'https' | null
  /** Whether values of `requestRules` differ from request to request. */
  readonly hasTemplates: boolean
  readonly requestRules: FieldRules
  readonly answerRules: AnswerRules
  /** The same for answers over TLS, which may say that nothing but TLS is to be used. */
  readonly secureAnswerRules: AnswerRules
  /** What `answerRules` fill in where an app sends nothing of it. */
  readonly securityFills: readonly Fill[]
}

/** Paths of the app that the cache leaves alone, and those whose answers it may take for lasting. */
export interface CachePaths {
  readonly never: PathSet
  readonly immutable: PathSet
  readonly immutableScope: CacheScope
}

export interface Serving {
  readonly config: GatewayConfig
  readonly table: RouteTable<ServedRoute>
  readonly isTrusted: TrustCheck
  /** Plain listeners whose clients are sent to https; with the ports of the configuration until they are open. */
  readonly doors: readonly HttpsDoor[]
  /** Folder of the answers to HTTP-01 (RFC 8555 §8.3); null = nobody asks. */
  readonly challenges: string | null
  /** What is encoded, by the name of the route. */
  readonly encodings: Readonly<Record<string, RouteCompression | null>>
  /** Options of every group of origins, by the name of its route. */
  readonly upstreams: Readonly<Record<string, UpstreamGroupOptions>>
  /** What admission does for each of these groups. */
  readonly admission: Readonly<Record<string, LaneOptions>>
  /** Policy of further attempts, by the name of the route. */
  readonly retries: Readonly<Record<string, RetryPolicy>>
  readonly tuner: TunerSettings
}

/** Addresses of origins that are part of the gateway, by their name in the configuration. */
export type BuiltinOrigins = Readonly<Record<string, string>>

/** @throws when a certificate authority cannot be read any more, or a route cannot be compiled. */
export function compileServing(config: GatewayConfig, builtins: BuiltinOrigins): Serving {
  const routes = config.routes.map(route => serveRoute(route, builtins))
  const proxied = routes.filter(route => !route.deny && route.fault === null)
  return {
    config,
    table: compileRoutes(routes),
    isTrusted: compileTrust(config.trustedProxies),
    doors: httpsDoors(config.listen, []),
    challenges: config.acme?.challenge === 'http-01' ? foldersOf(config).httpChallenges : null,
    encodings: Object.fromEntries(proxied.map(route => [route.name, route.encoding])),
    upstreams: Object.fromEntries(proxied.map(route => [route.name, upstreamOptions(route)])),
    retries: Object.fromEntries(proxied.map(route => [route.name, retryPolicy(route)])),
    admission: Object.fromEntries(proxied.map(route => [route.name, laneOptions(route)])),
    tuner: tunerSettings(proxied),
  }
}

function serveRoute(route: RouteConfig, builtins: BuiltinOrigins): ServedRoute {
  const upstream = route.upstream.map(({ url, weight }) => ({ url: builtins[url] ?? url, weight }))
  const { host } = route.headers
  const fills = securityFills(route)
  return {
    ...route,
    upstream,
    hostToSend: host === 'preserve' ? null : host === 'upstream' ? authorityOf(upstream[0]?.url ?? '') : host,
    strippedPrefix: route.rewritePath === null || route.match.path === '/' ? null : route.match.path,
    mountBase: (route.rewritePath ?? '').replace(/\/+$/, ''),
    appBase: appBase(route),
    ownAddresses: ownAddresses(route),
    cacheScope: route.cache === false ? null : cacheScope(route, route.cache),
    encoding: route.compression === false ? null : routeCompression(route.name, route.compression),
    cachePaths: route.cache === false ? null : cachePaths(route, route.cache),
    guard: guardOf(route),
    rateLimit: rateLimitOf(route),
    redirects: compileRedirects(route.redirects, route.match.path === '/' ? '' : route.match.path),
    redaction: compileRedaction(route.redact),
    davScheme: route.webdav.destination === 'keep' ? null : upstream[0]?.url.startsWith('https:') ? 'https' : 'http',
    hasTemplates: hasTemplates(route.headers.request),
    requestRules: route.headers.request,
    answerRules: withFills(route.headers.response, fills),
    secureAnswerRules: withFills(secureRules(route.headers.response, route.hsts), fills),
    securityFills: fills,
  }
}

function ownAddresses({ upstream, match, rewritePath, headers }: RouteConfig): OwnAddresses | null {
  if (headers.location === 'keep' && headers.cookiePath === 'keep') return null
  const urls = upstream
    .filter(({ url }) => /^(?:https?|h2c):/.test(url))
    .map(({ url }) => new URL(url.replace(/^h2c:/, 'http:')))
  const bare = (path: string) => path.replace(/\/+$/, '')
  return {
    origins: new Set(urls.map(({ origin }) => origin)),
    mount: rewritePath === null ? null : { path: bare(match.path), base: bare(rewritePath) },
  }
}

function cacheScope(route: RouteConfig, config: CacheConfig): CacheScope {
  const { maxObjectSize, variants, varyCookie, honourRequest, etag, coalesce, followReleases, key, ...same } = config
  const { heuristicFreshness, staleWhileRevalidateMs, staleIfErrorMs, storePost, storePartial } = same
  const windows = { heuristicFreshness, staleWhileRevalidateMs, staleIfErrorMs }
  const bounds = { maxObjectBytes: maxObjectSize, maxVariants: variants }
  const wishes = { storeCookieVary: varyCookie, storePost, storePartial, honourRequestDirectives: honourRequest }
  return {
    route: route.name,
    identity: identityOf(route),
    etag,
    coalesce,
    startPages: followReleases ? startPages(appBase(route)) : [],
    settings: { ...windows, ...bounds, ...wishes, key },
  }
}

/** Answers whose address changes with their content, and that say nothing of a lifetime. */
const IMMUTABLE_MS = 365 * 24 * 3_600_000

function cachePaths(route: RouteConfig, config: CacheConfig): CachePaths | null {
  const { never, immutable } = config
  if (never.length === 0 && immutable.length === 0) return null
  const scope = cacheScope(route, config)
  const immutableScope = { ...scope, settings: { ...scope.settings, unmarkedLifetimeMs: IMMUTABLE_MS } }
  return { never: compilePaths(never), immutable: compilePaths(immutable), immutableScope }
}

/**
 * What the cache does with a request of the route; null = it leaves it alone.
 * @param path as it goes to the origin
 */
export function cacheScopeAt(
  route: ServedRoute,
  path: string,
  query: string,
  entry: FieldRules | null = null,
): CacheScope | null {
  const { cachePaths } = route
  // What the app is told about a person is no part of the key: its answers are for that person.
  const cacheScope = entry !== null && Object.keys(entry.set).length > 0 ? null : route.cacheScope
  if (cachePaths === null) return cacheScope
  const appPath = pathInApp(route.appBase, path)
  if (cachePaths.never.coversAny(appPath, query)) return null
  return cachePaths.immutable.coversAll(appPath, query) ? cachePaths.immutableScope : cacheScope
}

/** Of where answers come from and how they are asked for: the cache forgets a route's answers when it changes. */
function identityOf({ upstream, rewritePath, headers, tls, cache }: RouteConfig): string {
  const origins = upstream.map(({ url }) => url).toSorted()
  const lasting = cache === false || cache.immutable.length === 0 ? [] : [cache.immutable]
  const asked = [origins, rewritePath, headers.host, headers.request, tls.serverName, ...lasting]
  return createHash('sha256').update(JSON.stringify(asked)).digest('base64url').slice(0, 11)
}

/** With `retry: false` a request that was sent stays sent; what could not be sent still waits for a restart. */
function retryPolicy({ retry, requestOptimization, health }: ServedRoute): RetryPolicy {
  const policy = { ...defaultRetryPolicy, attempts: requestOptimization.retryAttempts, holdMs: health.holdMs }
  if (retry === false) return { ...policy, attempts: 1, hedge: 'off' }
  const { budget, hedgeMs, ...same } = retry
  return { ...policy, ...same, budgetRatio: budget, hedge: hedgeMs }
}

function authorityOf(url: string): string {
  return url.startsWith('unix:') ? 'localhost' : new URL(url.replace(/^h2c:/, 'http:')).host
}

const withoutLimit: LaneOptions = {
  ...resolveOptions('admission', laneOptionsSchema, {}),
  maxConcurrency: 'none',
}

/** More requests at once than there are connections would only wait a second time. */
function laneOptions({ admission, bandwidth, connectionPools, upstream }: ServedRoute): LaneOptions {
  if (admission === false) return { ...withoutLimit, bandwidth }
  const maxLimit = Math.max(2, Math.min(65_535, connectionPools.maxSize * upstream.length))
  return { ...admission, maxLimit, bandwidth }
}

function upstreamOptions(route: ServedRoute): UpstreamGroupOptions {
  const { connectionPools, limits, protocol, health, tls } = route
  return {
    origins: route.upstream.map(({ url, weight }) => ({ url, weight })),
    balance: route.balance === 'hash_client' || route.balance === 'hash_cookie' ? 'hash' : route.balance,
    maxSize: connectionPools.maxSize,
    minSize: connectionPools.minSize,
    maxIdleMs: connectionPools.maxIdleMs,
    ttlMs: connectionPools.ttlMs,
    connectTimeoutMs: limits.connectTimeoutMs,
    headTimeoutMs: limits.responseTimeoutMs,
    idleTimeoutMs: limits.idleTimeoutMs,
    queueSize: QUEUE_SIZE,
    queueTimeoutMs: QUEUE_TIMEOUT_MS,
    ejectTimeMs: health.ejectTimeMs,
    probePath: health.probe?.path ?? null,
    probeIntervalMs: health.probe?.intervalMs ?? DEFAULT_PROBE_MS,
    probeStatus: health.probe?.status ?? null,
    http2: protocol.http2Enabled,
    tcpNodelay: protocol.tcpNodelay,
    keepAlive: protocol.keepAlive,
    client: protocol.client,
    tls: {
      verify: tls.verify,
      ca: tls.ca === null ? null : readFileSync(tls.ca, 'utf8'),
      pin: tls.pin,
      serverName: tls.serverName,
    },
  }
}
