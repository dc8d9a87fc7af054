/**
 * Settings that work and are dangerous or slow: each one draws a warning with its reason.
 */
import { type Draft, itemPath, placeOf, type RouteDraft } from './draft.ts'
import { addressOf, isLoopback } from './local-address.ts'
import type { Slip } from './read-context.ts'
import type { RouteConfig } from './types.ts'
import { unsafeAccess } from './unsafe-access.ts'
import { unsafeCaches } from './unsafe-cache.ts'
import { unsafePorts } from './unsafe-ports.ts'
import { unsafeTls } from './unsafe-tls.ts'

/** Shortest token that is not warned about; 16 random characters cannot be guessed over a network. */
const MIN_TOKEN_LENGTH = 16

export function findUnsafe(draft: Draft): Slip[] {
  const found = [
    ...[...unsafeListeners(draft), ...unsafeAdmin(draft), ...unsafeProxies(draft)],
    ...[...unsafeOrigins(draft), ...unsafeCaches(draft), ...unsafePorts(draft), ...unsafeTls(draft)],
    ...unsafeAccess(draft),
  ]
  if (draft.routes.length === 0) found.push(['routes', 'no routes: every request gets 404'])
  return found.map(([path, message]) => ({ path, place: placeOf(draft, path), message }))
}

type Finding = [path: string, message: string]

function unsafeListeners(draft: Draft): Finding[] {
  const { listen } = draft.globals
  const plain = [...listen.keys()].filter(
    i => listen[i]!.tls === null && listen[i]!.redirect === undefined && !isLoopback(listen[i]!.host),
  )
  return plain.map(i => [
    itemPath(draft, 'listen', i),
    `${addressOf(listen[i]!)} is plain HTTP: anybody on the network can read and change it, and browsers offer br and zstd only over TLS; add "tls"`,
  ])
}

function unsafeAdmin(draft: Draft): Finding[] {
  const { host, token } = draft.globals.admin
  const found: Finding[] = []
  if (!isLoopback(host)) {
    found.push([
      'admin.host',
      `the admin listener on ${host} can be reached by others, over plain HTTP; 127.0.0.1 is safer`,
    ])
  }
  if (token !== null && token.length < MIN_TOKEN_LENGTH) {
    found.push(['admin.token', `"token" is shorter than ${MIN_TOKEN_LENGTH} characters and may be guessed`])
  }
  return found
}

function unsafeProxies(draft: Draft): Finding[] {
  const { trustedProxies } = draft.globals
  const open = [...trustedProxies.keys()].filter(i => trustedProxies[i]!.endsWith('/0'))
  return open.map(i => [
    itemPath(draft, 'trusted_proxies', i),
    `${trustedProxies[i]} trusts everybody: any client can then forge its address, host and protocol`,
  ])
}

/** One finding for each place where `verify: false` is written and holds for an https origin. */
function unsafeOrigins(draft: Draft): Finding[] {
  const places = new Map<string, string>()
  for (const route of draft.routes.filter(isUnverified)) {
    const own = `${route.path}.tls.verify`
    const { pin } = route.blocks['tls'] as RouteConfig['tls']
    const consequence =
      pin === null ? 'anybody who answers at the address is believed; give "ca" or "pin" instead' : 'only its "pin" is'
    places.set(
      draft.written.has(own) ? own : 'defaults.tls.verify',
      `the certificate of the origin is not checked: ${consequence}`,
    )
  }
  return [...places]
}

function isUnverified(route: RouteDraft): boolean {
  const { verify } = route.blocks['tls'] as RouteConfig['tls']
  return !verify && route.upstream.some(origin => origin.url.startsWith('https:'))
}
