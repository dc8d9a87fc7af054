/**
 * Settings of the cache by which one visitor may be given what was meant for another, or by which nobody gets rid of a
 * wrong answer.
 */
import type { Draft, RouteDraft } from './draft.ts'
import type { CacheConfig, RouteConfig } from './types.ts'

interface Risk {
  /** Path of the setting below the route. */
  readonly key: string
  holds(cache: CacheConfig, route: RouteDraft): boolean
  readonly consequence: string
}

const risks: readonly Risk[] = [
  {
    key: 'cache.key.host',
    holds: ({ key }, { hosts }) => !key.host && (hosts.length > 1 || hosts.some(host => host.startsWith('*'))),
    consequence:
      'what one host answered is served under the others of this route too: pages and redirects may be mixed',
  },
  {
    key: 'cache.key.ignore_query',
    holds: ({ key }) => key.ignoreQuery === 'all',
    consequence:
      'all queries of a path get one answer: searches, pages and signed addresses are mixed; name the parameters that do not matter',
  },
  {
    key: 'cache.vary_cookie',
    holds: ({ varyCookie }) => varyCookie,
    consequence: 'pages of people who are signed in are kept in the store, with nothing but their cookie between them',
  },
  {
    key: 'cache.honour_request',
    holds: ({ honourRequest, heuristicFreshness }) => !honourRequest && heuristicFreshness > 0,
    consequence:
      'no reload gets past a lifetime that "heuristic_freshness" only guessed: an old page stays until it is purged',
  },
]

/** One finding, path and message, for each place where a risk is written and holds for a route. */
export function unsafeCaches(draft: Draft): [path: string, message: string][] {
  const places = new Map<string, string>()
  for (const route of draft.routes) {
    const { cache } = route.blocks as unknown as Pick<RouteConfig, 'cache'>
    if (route.deny || cache === false) continue
    for (const { key, consequence } of risks.filter(risk => risk.holds(cache, route))) {
      const own = `${route.path}.${key}`
      places.set(draft.written.has(own) ? own : `defaults.${key}`, consequence)
    }
  }
  return [...places]
}
