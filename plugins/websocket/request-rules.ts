/**
 * The header lines of an upgrade as they go to the origin when the plugin works without the gateway: everything as sent
 * but hop-by-hop fields (RFC 9110 §7.6.1) and what a client may not say about itself (RFC 7239, demand G1).
 */
import { isIdentityField, wayFields } from '../contract/index.ts'
import { splitTokens, tokensOf, valuesOf } from './head-lines.ts'

/** What is known of the client's connection itself. */
export interface ClientFacts {
  readonly address: string
  readonly encrypted: boolean
}

const dropped = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'te', 'trailer', 'upgrade', 'proxy'],
  ...['transfer-encoding', 'content-length', 'http2-settings'],
  ...['forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-port', 'x-real-ip'],
  'x-forwarded-prefix',
])
const neverNominated = new Set(['host', 'origin', 'authorization', 'cookie'])

/** Nobody in front is trusted here. */
function isSaidByProxies(name: string): boolean {
  return dropped.has(name) || wayFields.has(name) || isIdentityField(name)
}

/** Flat lines to send: order, spelling and repetition of the client's, then our own. */
export function upgradeHeaders(rawHeaders: readonly string[], client: ClientFacts): string[] {
  const nominated = new Set(tokensOf(rawHeaders, 'connection').filter(name => !neverNominated.has(name)))
  const kept: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    // Some origins read X_Forwarded_For as X-Forwarded-For.
    const name = rawHeaders[i]!.toLowerCase().replaceAll('_', '-')
    const isOurs = isSaidByProxies(name) || (nominated.has(name) && !name.startsWith('sec-websocket-'))
    if (!isOurs) kept.push(rawHeaders[i]!, rawHeaders[i + 1]!)
  }
  const host = valuesOf(rawHeaders, 'host')[0] ?? ''
  return [...kept, 'Connection', 'Upgrade', 'Upgrade', 'websocket', ...forwardedHeaders(host, client)]
}

function forwardedHeaders(host: string, client: ClientFacts): string[] {
  const address = client.address.startsWith('::ffff:') ? client.address.slice(7) : client.address
  const proto = client.encrypted ? 'https' : 'http'
  const node = address.includes(':') ? `"[${address}]"` : address
  const canQuote = !host.includes('"') && !host.includes('\\')
  const forwarded = `for=${node}${canQuote ? `;host="${host}"` : ''};proto=${proto}`
  return [
    ...['X-Forwarded-For', address, 'X-Real-IP', address, 'X-Forwarded-Proto', proto, 'X-Forwarded-Host', host],
    ...['X-Forwarded-Port', portOf(host) ?? (client.encrypted ? '443' : '80')],
    ...['Forwarded', forwarded, 'Via', '1.1 hearthgate'],
  ]
}

function portOf(host: string): string | null {
  const colon = host.lastIndexOf(':')
  if (colon === -1 || host.indexOf(']', colon) !== -1) return null
  const port = Number(host.slice(colon + 1))
  return Number.isInteger(port) && port > 0 && port < 65536 ? String(port) : null
}

/** The lines of an answer with our own Via behind the origin's (RFC 9110 §7.6.3). */
export function addVia(headers: readonly string[]): string[] {
  const members = valuesOf(headers, 'via').flatMap(splitTokens)
  return members.includes('1.1 hearthgate') ? [...headers] : [...headers, 'Via', '1.1 hearthgate']
}
