/**
 * How fast a client of whom nothing is known is taken to read: one figure for the local network, one for everywhere else.
 */
import { BlockList, isIPv6 } from 'node:net'

/** 50 Mbit/s: a phone on the household's own Wi-Fi. */
export const LAN_BYTES_PER_MS = 6_250
/** 10 Mbit/s. */
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

export function usualBytesPerMs(address: string): number {
  return isLocalAddress(address) ? LAN_BYTES_PER_MS : WAN_BYTES_PER_MS
}

/** Private and link-local addresses (RFC 1918, RFC 4193, RFC 3927). */
export function isLocalAddress(address: string): boolean {
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address
  return local.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4')
}
