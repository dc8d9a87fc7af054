/**
 * How fast a client takes bytes: a fixed word for the local network, elsewhere what the route's clients have shown.
 */
import { BlockList, isIPv6 } from 'node:net'

/** 50 Mbit/s: a phone on the household's own Wi-Fi. */
export const LAN_BYTES_PER_MS = 6_250
/** 10 Mbit/s, until something is measured. */
export const WAN_BYTES_PER_MS = 1_250

const local = new BlockList()
for (const [net, bits] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
] as const) {
  local.addSubnet(net, bits, 'ipv4')
}
local.addSubnet('fc00::', 7, 'ipv6')
local.addSubnet('fe80::', 10, 'ipv6')
local.addAddress('::1', 'ipv6')

/** Private and link-local addresses (RFC 1918, RFC 4193, RFC 3927). */
export function isLocalAddress(address: string): boolean {
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address
  return local.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4')
}

/** Smaller answers fit into what the network takes at once and show nothing of its speed. */
const MIN_BYTES = 64 * 1024
const NEWEST = 0.2

/** Of clients that are not in the local network, on one route. */
export class Bandwidth {
  bytesPerMs = WAN_BYTES_PER_MS

  /** An answer of so many bytes was taken in so long. */
  learn(bytes: number, ms: number): void {
    if (bytes < MIN_BYTES || ms <= 0) return
    this.bytesPerMs += NEWEST * (bytes / ms - this.bytesPerMs)
  }
}
