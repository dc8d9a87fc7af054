/**
 * Which hosts are this machine, whether an address to connect to reaches an address that is listened on, and how an
 * address is written. Pure.
 */
import { BlockList, isIP } from 'node:net'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

/** Names without a port, addresses without brackets. */
export function isLoopback(host: string): boolean {
  const version = isIP(host)
  if (version === 0) return host === 'localhost' || host.endsWith('.localhost')
  return loopback.check(host, version === 6 ? 'ipv6' : 'ipv4')
}

export function isAnyAddress(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

/** An address with its port. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/**
 * Whether a connection to `to` arrives at a listener on `at`.
 * @param local addresses and names of this machine beside loopback
 */
export function reaches(to: Endpoint, at: Endpoint, local: readonly string[]): boolean {
  if (to.port !== at.port || at.port === 0) return false
  if (to.host === at.host) return true
  const staysHere = isLoopback(to.host) || isAnyAddress(to.host)
  if (isAnyAddress(at.host)) return staysHere || local.includes(to.host)
  if (!isLoopback(at.host)) return false
  return staysHere && !(isIP(to.host) === 4 && isIP(at.host) === 4 && !isAnyAddress(to.host))
}

/** Whether both cannot be listened on at the same time. */
export function collides(a: Endpoint, b: Endpoint): boolean {
  if (a.port !== b.port || a.port === 0) return false
  return a.host === b.host || isAnyAddress(a.host) || isAnyAddress(b.host)
}

/** `127.0.0.1:80`, `[::1]:80`. */
export function addressOf({ host, port }: Endpoint): string {
  return `${inBrackets(host)}:${port}`
}

/** A host as it stands in a URL: addresses of IPv6 in brackets (RFC 3986 §3.2.2). */
export function inBrackets(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}
