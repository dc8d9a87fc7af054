/**
 * The configuration in the form that requests use: the route table and, for each route, the constants of its proxy
 * calls. Made anew by each reload and swapped as one reference, so no request ever sees half of a change.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { CacheScope } from '../plugins/cache/index.ts'
import { type RouteCompression, routeCompression } from '../plugins/compression/index.ts'
import { compileTrust, type FieldRules, type TrustCheck } from '../plugins/proxy/index.ts'
import type { UpstreamGroupOptions } from '../plugins/upstream/index.ts'
import type { CacheConfig, GatewayConfig, RouteConfig } from './config/types.ts'
import { compileRoutes, type RouteTable } from './routing/index.ts'

/** Requests that may wait for a connection to one origin, and for how long (security.md, connections). */
const QUEUE_SIZE = 256
const QUEUE_TIMEOUT_MS = 1_000

/** One route, ready for requests. The fields of `RouteConfig` that routing reads stand here too. */
export interface ServedRoute extends RouteConfig {
  /** Host sent to the origin; null = the client's. */
  readonly hostToSend: string | null
  /** The prefix that the origin does not see, or null. */
  readonly strippedPrefix: string | null
  /** What stands in its place at the origin, without a slash at the end. */
  readonly mountBase: string
  /** What the cache does on this route; null = it is off. */
  readonly cacheScope: CacheScope | null
  /** What is encoded on this route; null = nothing. */
  readonly encoding: RouteCompression | null
  readonly requestRules: FieldRules
  readonly answerRules: FieldRules
}

export interface Serving {
  readonly config: GatewayConfig
  readonly table: RouteTable<ServedRoute>
  readonly isTrusted: TrustCheck
  /** Options of every group of origins, by the name of its route. */
  readonly upstreams: Readonly<Record<string, UpstreamGroupOptions>>
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
    upstreams: Object.fromEntries(proxied.map(route => [route.name, upstreamOptions(route)])),
  }
}

function serveRoute(route: RouteConfig, builtins: BuiltinOrigins): ServedRoute {
  const upstream = route.upstream.map(({ url, weight }) => ({ url: builtins[url] ?? url, weight }))
  const { host } = route.headers
  return {
    ...route,
    upstream,
    hostToSend: host === 'preserve' ? null : host === 'upstream' ? authorityOf(upstream[0]?.url ?? '') : host,
    strippedPrefix: route.rewritePath === null || route.match.path === '/' ? null : route.match.path,
    mountBase: (route.rewritePath ?? '').replace(/\/+$/, ''),
    cacheScope: route.cache === false ? null : cacheScope(route, route.cache),
    encoding: route.compression === false ? null : routeCompression(route.name, route.compression),
    requestRules: route.headers.request,
    answerRules: route.headers.response,
  }
}

function cacheScope(route: RouteConfig, config: CacheConfig): CacheScope {
  const { maxObjectSize, variants, varyCookie, honourRequest, etag, coalesce, key, ...same } = config
  const { heuristicFreshness, staleWhileRevalidateMs, staleIfErrorMs, storePost, storePartial } = same
  const windows = { heuristicFreshness, staleWhileRevalidateMs, staleIfErrorMs }
  const bounds = { maxObjectBytes: maxObjectSize, maxVariants: variants }
  const wishes = { storeCookieVary: varyCookie, storePost, storePartial, honourRequestDirectives: honourRequest }
  return {
    route: route.name,
    identity: identityOf(route),
    etag,
    coalesce,
    settings: { ...windows, ...bounds, ...wishes, key },
  }
}

/** Of where answers come from and how they are asked for: the cache forgets a route's answers when it changes. */
function identityOf({ upstream, rewritePath, headers, tls }: RouteConfig): string {
  const origins = upstream.map(({ url }) => url).toSorted()
  const asked = [origins, rewritePath, headers.host, headers.request, tls.serverName]
  return createHash('sha256').update(JSON.stringify(asked)).digest('base64url').slice(0, 11)
}

function authorityOf(url: string): string {
  return url.startsWith('unix:') ? 'localhost' : new URL(url.replace(/^h2c:/, 'http:')).host
}

function upstreamOptions(route: ServedRoute): UpstreamGroupOptions {
  const { connectionPools, limits, protocol, health, tls } = route
  return {
    origins: route.upstream.map(({ url, weight }) => ({ url, weight })),
    balance: route.balance,
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
