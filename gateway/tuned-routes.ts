/**
 * What the tuner is told of the routes: which may be tuned and how, and which of them go to the same origins. Pure.
 */
import type { TunedRoute, TunerSettings } from '../plugins/tuner/index.ts'
import type { RouteConfig } from './config/types.ts'

type Route = Pick<RouteConfig, 'name' | 'tuner' | 'slo' | 'upstream'>

/** The sketch's rules look at all routes together, so they are in force only where every tuned route asks for them. */
export function tunerSettings(routes: readonly Route[]): TunerSettings {
  const tuned = routes.filter(({ tuner }) => tuner.mode !== 'off')
  const servers = firstByOrigins(routes)
  const isRules = tuned.length > 0 && tuned.every(({ tuner }) => tuner.policy === 'rules')
  return {
    policy: isRules ? 'rules' : 'measured',
    intervalMs: Math.min(...tuned.map(({ tuner }) => tuner.intervalMs ?? 300_000), 300_000),
    routes: Object.fromEntries(routes.map(route => [route.name, tunedRoute(route, servers)])),
  }
}

/**
 * The first route to each set of origins, by that set: admission limits the origins and not the route, so routes to the same
 * ones are tuned as one server.
 */
function firstByOrigins(routes: readonly Route[]): Map<string, string> {
  return new Map(routes.toReversed().map(route => [originsOf(route), route.name]))
}

function originsOf({ upstream }: Route): string {
  return JSON.stringify(upstream.map(({ url }) => url).toSorted())
}

function tunedRoute(route: Route, servers: ReadonlyMap<string, string>): TunedRoute {
  const { name, tuner, slo } = route
  const knobs = Object.entries(tuner.knobs ?? {})
    .filter(([, mode]) => mode !== null)
    .map(([name, mode]) => [name === 'cacheTtl' ? 'cache_ttl' : name, mode])
  return {
    upstream: name,
    server: servers.get(originsOf(route)) ?? name,
    mode: tuner.mode,
    knobs: Object.fromEntries(knobs) as TunedRoute['knobs'],
    goal: { goodMs: slo.goodMs, badMs: slo.badMs },
    weight: 1,
    contentType: '',
    identity: originsOf(route),
  }
}
