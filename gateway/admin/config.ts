/**
 * The configuration in force over the admin API: every default filled in, every secret replaced, with its warnings.
 */
import type { FastifyInstance } from 'fastify'
import { HIDDEN, redactField, redactUrl } from '../../plugins/access-log/index.ts'
import type { GatewayConfig, RouteConfig } from '../config/types.ts'
import type { AdminSources } from './sources.ts'

export function addConfigEndpoint(app: FastifyInstance, { state, generation, warnings }: AdminSources): void {
  app.get('/api/config', () => {
    const { config } = state.serving
    const told = warnings().map(({ line, column, route, message }) => ({ line, column, route, message }))
    return { file: config.file, generation: generation(), warnings: told, config: withoutSecrets(config) }
  })
}

/** Passwords in addresses, hashes of passwords, the admin token, and header values that a route sets. */
export function withoutSecrets(config: GatewayConfig): unknown {
  const { admin, redis, store, routes, ...same } = config
  return {
    ...same,
    admin: { ...admin, token: admin.token === null ? null : HIDDEN },
    redis: redis === null ? null : { ...redis, url: redactUrl(redis.url) },
    store: redactUrl(store),
    routes: routes.map(route => ({
      ...route,
      access: hideHashes(route.access),
      upstream: route.upstream.map(origin => ({ ...origin, url: redactUrl(origin.url) })),
      headers: {
        ...route.headers,
        request: { ...route.headers.request, set: hideValues(route.headers.request.set) },
        response: { ...route.headers.response, set: hideValues(route.headers.response.set) },
      },
    })),
  }
}

function hideHashes(access: RouteConfig['access']): RouteConfig['access'] {
  if (access === false) return false
  const { basic, forward } = access
  const users = Object.fromEntries(Object.keys(basic?.users ?? {}).map(name => [name, HIDDEN]))
  return {
    ...access,
    basic: basic === null ? null : { ...basic, users },
    forward: forward === null ? null : { ...forward, url: redactUrl(forward.url) },
  }
}

function hideValues(set: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(set).map(([name, value]) => [name, redactField(name, value)]))
}
