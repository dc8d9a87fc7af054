/**
 * The admin listener: health, routes, stats, cache and `explain` as JSON, on loopback or behind a token. It is an app of its
 * own, so that nothing of it can be reached through a route of the gateway.
 */
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { addressOf, inBrackets } from '../config/local-address.ts'
import type { AdminConfig } from '../config/types.ts'
import { listenError } from '../listeners/index.ts'
import { noSchemas } from '../no-schemas.ts'
import { isSameSecret } from '../same-secret.ts'
import { addCacheEndpoints } from './cache.ts'
import { addConfigEndpoint } from './config.ts'
import { addDashboard } from './dashboard/index.ts'
import { addExplainEndpoint } from './explain.ts'
import { CHALLENGES, givenToken } from './given-token.ts'
import { isKnownHost } from './known-host.ts'
import { addMetricsEndpoints } from './metrics.ts'
import { addReportEndpoint } from './report.ts'
import { addRequestEndpoints } from './requests.ts'
import type { AdminSources } from './sources.ts'
import { type GatewayStats, gatherStats, listRoutes } from './stats.ts'
import { addTunerEndpoints } from './tuner.ts'

export interface Admin {
  readonly url: string
  close(): Promise<void>
}

/** Largest body of an admin request (security.md). */
const MAX_BODY_BYTES = 1_048_576

/** @throws `HG_LISTEN`. */
export function buildAdmin(config: AdminConfig, sources: AdminSources): Promise<Admin> {
  return listenAdmin(config, app => addEndpoints(app, sources))
}

/**
 * An admin listener with the rules of who may ask; what it answers is the caller's. Each process has its own, also where
 * several share the other listeners.
 * @throws `HG_LISTEN`.
 */
export async function listenAdmin(config: AdminConfig, addEndpoints: (app: FastifyInstance) => void): Promise<Admin> {
  const app = Fastify({ bodyLimit: MAX_BODY_BYTES, forceCloseConnections: true, schemaController: noSchemas })
  let port = config.port
  app.addHook('onRequest', (request, reply, next) => {
    reply.headers(securityHeaders)
    const refusal = refusalOf(request, config, port)
    if (refusal === null) return next()
    if (refusal.status === 401) reply.header('www-authenticate', CHALLENGES)
    reply.code(refusal.status).send({ error: refusal.reason })
  })
  addEndpoints(app)
  try {
    await app.listen({ host: config.host, port: config.port, exclusive: true })
  } catch (error) {
    await app.close()
    throw listenError('admin', addressOf(config), error as NodeJS.ErrnoException)
  }
  port = (app.server.address() as { port: number }).port
  return { url: `http://${inBrackets(config.host)}:${port}`, close: () => app.close() }
}

function addEndpoints(app: FastifyInstance, sources: AdminSources): void {
  const stats = (): GatewayStats => gatherStats(sources)
  app.get('/healthz', () => ({ status: 'ok' }))
  app.get('/readyz', (_request, reply) => {
    const isDraining = sources.isDraining()
    reply.code(isDraining ? 503 : 200)
    return { status: isDraining ? 'draining' : 'ready', generation: sources.generation() }
  })
  app.get('/api/routes', () => listRoutes(sources.state.serving))
  app.get('/api/stats', stats)
  addExplainEndpoint(app, sources)
  addConfigEndpoint(app, sources)
  addCacheEndpoints(app, sources)
  addTunerEndpoints(app, sources)
  addMetricsEndpoints(app, sources)
  addRequestEndpoints(app, sources)
  addReportEndpoint(app, () => sources.app.metrics.hours(0))
  addDashboard(app)
}

/** Nothing of the admin pages may be framed, sniffed, kept or loaded from elsewhere. */
const securityHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

interface AdminRefusal {
  readonly status: 400 | 401 | 403
  readonly reason: string
}

/** Host first (DNS rebinding), then the token, then the header that a foreign page cannot send (CSRF). */
function refusalOf(request: FastifyRequest, config: AdminConfig, port: number): AdminRefusal | null {
  // RFC 9112 §3.2: of several Node reads the first, and somebody in front of us may have read another.
  if ((request.raw.headersDistinct['host'] ?? []).length > 1) return { status: 400, reason: 'more than one Host' }
  // RFC 9112 §3.2.2: the host of such a target counts, and no client of a server that is no proxy writes one.
  if (!request.originalUrl.startsWith('/')) return { status: 400, reason: 'the target is no path' }
  if (!isKnownHost(request.headers.host ?? '', config, port, request.raw.socket.localAddress)) {
    return { status: 403, reason: 'this Host is not a name of the admin listener; add it to admin.hosts' }
  }
  if (config.token !== null && !isSameSecret(givenToken(request.headers.authorization), config.token)) {
    return { status: 401, reason: 'send the token of the configuration as "Authorization: Bearer TOKEN"' }
  }
  if (request.method === 'POST' && !isOwnPost(request)) {
    return { status: 403, reason: 'POST needs Content-Type: application/json and X-Hearthgate: 1' }
  }
  return null
}

function isOwnPost({ headers }: FastifyRequest): boolean {
  return headers['x-hearthgate'] === '1' && /^application\/json\s*(?:;|$)/i.test(headers['content-type'] ?? '')
}
