/**
 * The way of a request as the origin is told it, in the two dialects, X-Forwarded-For and Forwarded: where a proxy in front
 * speaks one of them, the other is made of it (RFC 7239 §7.4). Pure.
 */
import type { ClientFacts } from './client-facts.ts'
import { bareAddress, readForwarded } from './forwarded.ts'

/** What the peer said of the way so far, each joined over its lines; null = nothing, or nobody may believe it. */
export interface SaidWay {
  readonly forwardedFor: string | null
  readonly forwarded: string | null
}

/** X-Forwarded-For and Forwarded for the origin: both name the same client, whichever of them it reads. */
export function wayOnwards(client: ClientFacts, said: SaidWay): readonly [forwardedFor: string, forwarded: string] {
  const { peer } = client
  const own = hopOf(peer, client)
  const { forwardedFor, forwarded } = said
  const nodes = forwarded === null ? null : addressesOf(readForwarded(forwarded).map(({ node }) => node ?? ''))
  const before = forwardedFor ?? nodes?.join(', ') ?? null
  const list = before === null ? peer : `${before}, ${peer}`
  // A proxy that writes X-Forwarded-For may pass on a Forwarded that the client has made up.
  const isBelieved = forwarded !== null && (forwardedFor === null || nodes?.includes(client.address) === true)
  if (isBelieved) return [list, `${forwarded}, ${own}`]
  const way = forwardedFor === null ? null : addressesOf(forwardedFor.split(',').map(part => part.trim()))
  return [list, way === null ? own : told([...way, peer], client)]
}

/** All of them as addresses, or null: a list with a hole would name the wrong one. */
function addressesOf(nodes: readonly string[]): string[] | null {
  const addresses = nodes.map(bareAddress)
  return addresses.length > 0 && addresses.every(address => address !== null) ? addresses : null
}

/** Host and scheme are the client's, and stand where it is named. */
function told([first = '', ...others]: readonly string[], client: ClientFacts): string {
  return [hopOf(first, client), ...others.map(address => `for=${forwardedNode(address)}`)].join(', ')
}

function hopOf(address: string, { host, proto }: ClientFacts): string {
  return `for=${forwardedNode(address)};host=${quoted(host)};proto=${proto}`
}

/** RFC 7239 §6: an IPv6 address stands in brackets and quotes. */
function forwardedNode(address: string): string {
  return address.includes(':') ? `"[${address}]"` : address
}

/** The host of the last request, quoted: mostly the next one asks for the same. */
let lastHost = ''
let lastQuoted = '""'

/** RFC 7239 §4: what is not a token (RFC 9110 §5.6.2) is a quoted string, so that it cannot begin another element. */
function quoted(host: string): string {
  if (host === lastHost) return lastQuoted
  lastHost = host
  lastQuoted = /^[\w!#$%&'*+.^`|~-]+$/.test(host) ? host : `"${host.replace(/["\\]/g, '\\$&')}"`
  return lastQuoted
}
