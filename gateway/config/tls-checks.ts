/**
 * Rules of TLS that need more than one value: a redirect with nowhere to go, HSTS that asks for what it does not give.
 * Each adds a slip to the draft.
 */
import { type Draft, itemPath, objectTo, type RouteDraft } from './draft.ts'
import type { HstsConfig, RouteConfig } from './types.ts'

/** Shortest time that the browsers' own list takes, in ms. */
const PRELOAD_MS = 31_536_000_000

export function checkTls(draft: Draft): void {
  checkRedirects(draft)
  for (const route of draft.routes) checkHsts(draft, route)
}

function checkRedirects(draft: Draft): void {
  const { listen } = draft.globals
  const hasTls = listen.some(({ tls }) => tls !== null)
  for (const [i, { redirect, tls }] of listen.entries()) {
    if (redirect === undefined) continue
    const path = `${itemPath(draft, 'listen', i)}.redirect`
    if (tls !== null) objectTo(draft, path, '"redirect": this listener speaks https already; it belongs to a plain one')
    else if (redirect === 'https' && !hasTls)
      objectTo(draft, path, '"redirect": no listener has "tls": add one, or name the port that others see https on')
  }
}

function checkHsts(draft: Draft, route: RouteDraft): void {
  const { hsts } = route.blocks as unknown as Pick<RouteConfig, 'hsts'>
  if (hsts === false || !hsts.preload || isFitForPreload(hsts)) return
  objectTo(
    draft,
    placeOfHsts(draft, route, 'preload'),
    '"preload": the list takes names with "max_age: 365d" at least and "include_subdomains: true" only',
  )
}

function isFitForPreload({ maxAgeMs, includeSubdomains }: HstsConfig): boolean {
  return maxAgeMs >= PRELOAD_MS && includeSubdomains
}

/** Where a key of the block is written: on the route or under `defaults`. */
export function placeOfHsts({ written }: Draft, { path }: RouteDraft, key: string): string {
  const places = [`${path}.hsts.${key}`, `defaults.hsts.${key}`, `${path}.hsts`]
  return places.find(place => written.has(place)) ?? 'defaults.hsts'
}
