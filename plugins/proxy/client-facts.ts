/**
 * Who the client is and what it asked for, by whom we may believe it: the peer's own address, or, only where the peer
 * is a trusted proxy, what that proxy says (RFC 7239; security lesson 7: trust by address, never by hop count).
 */
import { BlockList, isIP } from 'node:net'

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

/** An IPv4 address that arrived on an IPv6 socket is the IPv4 address. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unknown'
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
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
  const proto = lastToken(fields('x-forwarded-proto'))?.toLowerCase()
  const said = lastToken(fields('x-forwarded-host')) ?? host
  const saidProto = proto === 'https' || proto === 'http' ? proto : own.proto
  const port = Number(lastToken(fields('x-forwarded-port')) ?? Number.NaN)
  return {
    peer,
    address: nearestUntrusted(peer, fields('x-forwarded-for') ?? forwardedFor(fields('forwarded')), isTrusted),
    proto: saidProto,
    host: said,
    port:
      Number.isInteger(port) && port > 0 && port < 65_536 ? port : (portOf(said) ?? (saidProto === 'https' ? 443 : 80)),
    isPeerTrusted: true,
  }
}

/** Walks X-Forwarded-For from the right, past every trusted address. */
function nearestUntrusted(peer: string, forwardedFor: string | undefined, isTrusted: TrustCheck): string {
  let nearest = peer
  for (const part of (forwardedFor ?? '').split(',').reverse()) {
    const address = bareAddress(part.trim())
    if (address === null) return nearest
    nearest = address
    if (!isTrusted(address)) return nearest
  }
  return nearest
}

/** The `for` parameters of a Forwarded field as a list (RFC 7239 §5.2), for proxies that send only that one. */
function forwardedFor(forwarded: string | undefined): string | undefined {
  if (forwarded === undefined) return undefined
  const nodes = forwarded.split(',').map(element => /(?:^|;)\s*for=\s*"?([^";]+)"?/i.exec(element.trim())?.[1] ?? '')
  return nodes.join(', ')
}

/** `1.2.3.4`, `1.2.3.4:80`, `::1` or `[::1]:80` as an address; null for anything else. */
function bareAddress(text: string): string | null {
  if (isIP(text) !== 0) return plainAddress(text)
  const inner = /^\[([^\]]+)\](:\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? ''
  return isIP(inner) === 0 ? null : plainAddress(inner)
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
