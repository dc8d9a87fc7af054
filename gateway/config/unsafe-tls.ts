/**
 * TLS settings that have no effect, or a larger one than they seem to have.
 */
import { isIP } from 'node:net'
import { type Draft, itemPath, type RouteDraft } from './draft.ts'
import { placeOfHsts } from './tls-checks.ts'
import { acmeDirectory, canBeIssued } from './tls-rules.ts'
import type { ListenerConfig, RouteConfig } from './types.ts'

/** One finding, path and message, for each place where something is written that does not do what it says. */
export function unsafeTls(draft: Draft): [path: string, message: string][] {
  return [...new Map([...draft.routes.flatMap(route => unsafeHsts(draft, route)), ...unsafeAcme(draft)])]
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

/** Names that ACME alone would have to bring and cannot, and an authority that no browser knows. */
function unsafeAcme(draft: Draft): [string, string][] {
  const { acme, listen } = draft.globals
  if (acme === null || draft.faulty.has('acme')) return []
  const served = draft.routes.filter(({ deny }) => !deny).flatMap(({ hosts }) => hosts)
  const found = [...listen.entries()].flatMap(([i, listener]): [string, string][] => {
    const path = `${itemPath(draft, 'listen', i)}.tls`
    if (!isAcmeAlone(listener)) return []
    const left = [...new Set(served)].filter(host => host !== '*' && !canBeIssued(host, acme))
    if (served.every(host => host === '*'))
      return [[path, '"acme" gets no certificate: no route names a host; write "hosts"']]
    const remedy = 'names of a home: "local_ca: true" beside it; wildcards: "challenge: dns-01"'
    return left.length === 0 ? [] : [[path, `"acme" gets no certificate for ${left.join(', ')} (${remedy})`]]
  })
  const staging = acmeDirectory('letsencrypt-staging')
  if (staging.ok && acme.directory === staging.value)
    found.push(['acme.directory', 'letsencrypt-staging is for trying out: no browser trusts its certificates'])
  return found
}

/** Nothing else on the listener has or gets certificates, and the names are those of the routes. */
function isAcmeAlone({ tls }: ListenerConfig): boolean {
  return tls !== null && tls.length > 0 && tls.every(entry => 'acme' in entry && entry.acme === true && !entry.hosts)
}

function isAddress(host: string): boolean {
  return isIP(host) !== 0 || host.startsWith('[')
}
