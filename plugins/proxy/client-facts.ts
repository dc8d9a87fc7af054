/**
 * Who the client is and what it asked for, by whom we may believe it: the peer's own address, or, only where the peer
 * is a trusted proxy, what that proxy says (RFC 7239; security lesson 7: trust by address, never by hop count).
 */
import { BlockList, isIP } from 'node:net'
import { bareAddress, type Hop, readForwarded } from './forwarded.ts'

/** What is known of the sender of one request. Addresses without brackets and without `::ffff:`. */
export interface ClientFacts {
  /** Address of the other end of the connection. */
  readonly peer: string
  /** Address of the client: the peer, or the nearest untrusted address that trusted proxies name. */
  readonly address: string
  readonly proto: 'http' | 'https'
  /** Host as the client wrote it, with port. */
  readonly host: string
  readonly port: number
  /** True when the peer's own X-Forwarded-* and identity fields may stand. */
  readonly isPeerTrusted: boolean
}

export interface Connection {
  readonly peer: string
  readonly isTls: boolean
  readonly localPort: number
}

/** Whether an address is inside one of the configured addresses or CIDRs. */
export type TrustCheck = (address: string) => boolean

/** @throws TypeError or RangeError for an entry that is neither an address nor a CIDR. */
export function compileTrust(cidrs: readonly string[]): TrustCheck {
  if (cidrs.length === 0) return () => false
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [address = '', bits, ...rest] = cidr.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    const isRange = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 'ipv6' ? 128 : 32))
    if (isIP(address) === 0 || !isRange || rest.length > 0) {
      throw new TypeError(`${cidr} is neither an address nor a CIDR`)
    }
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return address => {
    const family = isIP(address)
    return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }
}

/**
 * The facts of one request. `fields` gives the joined value of a header (all lines, in order), or undefined.
 */
export function clientFacts(
  connection: Connection,
  host: string,
  fields: (name: string) => string | undefined,
  isTrusted: TrustCheck,
): ClientFacts {
  const { peer, isTls, localPort } = connection
  const own = { peer, address: peer, proto: isTls ? 'https' : 'http', host } as const
  if (!isTrusted(peer)) return { ...own, port: portOf(host) ?? localPort, isPeerTrusted: false }
  const way = wayOf(peer, fields, isTrusted)
  const said = way.host ?? host
  const proto = way.proto ?? own.proto
  const port = Number(lastToken(fields('x-forwarded-port')) ?? Number.NaN)
  const isPort = Number.isInteger(port) && port > 0 && port < 65_536
  return {
    peer,
    address: way.address,
    proto,
    host: said,
    port: isPort ? port : (portOf(said) ?? (proto === 'https' ? 443 : 80)),
    isPeerTrusted: true,
  }
}

type Way = Pick<Hop, 'proto' | 'host'> & Pick<ClientFacts, 'address'>

/**
 * What a trusted peer says of the client. Scheme and host of Forwarded count only where no X-Forwarded-* is there: a proxy that
 * writes those may pass on a Forwarded that the client has made up.
 */
function wayOf(peer: string, fields: (name: string) => string | undefined, isTrusted: TrustCheck): Way {
  const forwardedFor = fields('x-forwarded-for')
  const saidProto = lastToken(fields('x-forwarded-proto'))?.toLowerCase()
  const host = lastToken(fields('x-forwarded-host')) ?? null
  const proto = saidProto === 'https' || saidProto === 'http' ? saidProto : null
  const forwarded = forwardedFor === undefined ? fields('forwarded') : undefined
  if (forwarded === undefined) {
    return { address: nearestUntrusted(peer, (forwardedFor ?? '').split(','), isTrusted).address, proto, host }
  }
  const hops = readForwarded(forwarded)
  const nodes = hops.map(({ node }) => node ?? '')
  const { address, at } = nearestUntrusted(peer, nodes, isTrusted)
  if (saidProto !== undefined || host !== null) return { address, proto, host }
  const known = hops.slice(at)
  return { address, proto: firstOf(known, 'proto'), host: firstOf(known, 'host') }
}

/** From the hop that names the client on: what stands left of it anybody may have written. */
function firstOf<K extends 'proto' | 'host'>(hops: readonly Hop[], key: K): Hop[K] | null {
  return hops.find(hop => hop[key] !== null)?.[key] ?? null
}

/** Walks the nodes from the right, past every trusted address; `at` is the place of the one that was reached. */
function nearestUntrusted(
  peer: string,
  nodes: readonly string[],
  isTrusted: TrustCheck,
): { readonly address: string; readonly at: number } {
  let address = peer
  let at = nodes.length
  while (at > 0) {
    const named = bareAddress((nodes[at - 1] as string).trim())
    if (named === null) break
    address = named
    at--
    if (!isTrusted(address)) break
  }
  return { address, at }
}

function lastToken(value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  const token = value.slice(value.lastIndexOf(',') + 1).trim()
  return token === '' ? undefined : token
}

function portOf(host: string): number | null {
  const colon = host.lastIndexOf(':')
  if (colon < 0 || host.endsWith(']')) return null
  const port = Number(host.slice(colon + 1))
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : null
}
