/**
 * TLS settings that have no effect, or a larger one than they seem to have.
 */
import { isIP } from 'node:net'
import type { Draft, RouteDraft } from './draft.ts'
import { placeOfHsts } from './tls-checks.ts'
import type { RouteConfig } from './types.ts'

/** One finding, path and message, for each place where something is written that does not do what it says. */
export function unsafeTls(draft: Draft): [path: string, message: string][] {
  return [...new Map(draft.routes.flatMap(route => unsafeHsts(draft, route)))]
}

function unsafeHsts(draft: Draft, route: RouteDraft): [string, string][] {
  const { hsts } = route.blocks as unknown as Pick<RouteConfig, 'hsts'>
  if (hsts === false || route.deny) return []
  const { listen, trustedProxies } = draft.globals
  const path = placeOfHsts(draft, route, 'max_age')
  if (listen.every(({ tls }) => tls === null) && trustedProxies.length === 0)
    return [[path, '"hsts" is never sent: no listener has "tls", and no proxy in front is trusted to say it was https']]
  if (route.hosts.length > 0 && route.hosts.every(isAddress))
    return [[path, '"hsts" is never sent for an address: browsers keep it for names only']]
  return []
}

function isAddress(host: string): boolean {
  return isIP(host) !== 0 || host.startsWith('[')
}
