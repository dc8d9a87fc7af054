/**
 * Rules of TLS that need more than one value: certificates from nowhere or from two places, an account without consent,
 * a redirect with nowhere to go, HSTS that asks for what it does not give. Each adds a slip to the draft.
 */
import { type Draft, itemPath, objectTo, type RouteDraft } from './draft.ts'
import { canBeIssued } from './tls-rules.ts'
import type { CertificateConfig, HstsConfig, IssuedConfig, RouteConfig } from './types.ts'

/** Shortest time that the browsers' own list takes, in ms. */
const PRELOAD_MS = 31_536_000_000

export function checkTls(draft: Draft): void {
  checkRedirects(draft)
  checkAcme(draft)
  for (const [i, { tls }] of draft.globals.listen.entries()) {
    const list = `${itemPath(draft, 'listen', i)}.tls`
    for (const [j, entry] of (tls ?? []).entries()) checkEntry(draft, itemPath(draft, list, j), entry)
  }
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

/** Files, the local authority or ACME: one of the three. */
function checkEntry(draft: Draft, path: string, entry: Partial<CertificateConfig> & IssuedConfig): void {
  if (draft.faulty.has(path)) return
  const { cert, key, localCa = false, acme = false, hosts } = entry
  const hasFiles = cert !== undefined || key !== undefined
  const sources = [hasFiles, localCa, acme].filter(Boolean).length
  if (sources !== 1) {
    const remedy = 'write "cert" and "key", "local_ca: true" or "acme: true"'
    return objectTo(draft, path, sources === 0 ? `"tls": no certificate: ${remedy}` : `"tls": one of them: ${remedy}`)
  }
  if (hasFiles && (cert === undefined || key === undefined))
    objectTo(draft, path, `missing key "${cert === undefined ? 'cert' : 'key'}"`)
  if (hasFiles && hosts !== undefined)
    objectTo(draft, `${path}.hosts`, '"hosts" belongs to "local_ca" and "acme": a file has the names that are in it')
  if (acme) checkAcmeEntry(draft, path, hosts ?? [])
}

function checkAcmeEntry(draft: Draft, path: string, hosts: readonly string[]): void {
  const { acme } = draft.globals
  if (acme === null && !draft.faulty.has('acme'))
    return objectTo(draft, path, '"acme": needs the global key "acme: { email: …, agree: true }"')
  if (acme === null || draft.faulty.has('acme')) return
  for (const [i, host] of hosts.entries()) {
    if (canBeIssued(host, acme)) continue
    const remedy = host.startsWith('*.') ? 'needs "challenge: dns-01" and a name' : 'is not to be had: it is no name'
    const problem = `"hosts": a certificate for ${host} ${remedy} of the public DNS`
    objectTo(draft, itemPath(draft, `${path}.hosts`, i), problem)
  }
}

function checkAcme(draft: Draft): void {
  const { acme, listen } = draft.globals
  if (acme === null || draft.faulty.has('acme')) return
  if (!acme.agree)
    objectTo(draft, 'acme.agree', '"agree": read the terms of service of the authority and write true to accept them')
  if (acme.challenge === 'dns-01' && acme.dnsHook.length === 0)
    objectTo(draft, 'acme.challenge', '"challenge": dns-01 needs "dns_hook", the command that sets the record')
  if (acme.challenge === 'http-01' && listen.every(({ tls }) => tls !== null))
    objectTo(
      draft,
      'acme',
      '"challenge": http-01 is answered on a plain listener that others reach on port 80: add one, or choose another challenge',
    )
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
