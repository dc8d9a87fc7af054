/** Lists of addresses and networks. An address that cannot be read is in none of them. */
import { BlockList, isIP } from 'node:net'

export interface Networks {
  readonly isEmpty: boolean
  has(address: string): boolean
}

/** @throws TypeError for an entry that is neither an address nor a CIDR. */
export function compileNetworks(entries: readonly string[]): Networks {
  const list = new BlockList()
  for (const entry of entries) add(list, entry)
  return {
    isEmpty: entries.length === 0,
    has: address => {
      const plain = plainAddress(address)
      const family = isIP(plain)
      return family !== 0 && list.check(plain, family === 6 ? 'ipv6' : 'ipv4')
    },
  }
}

function add(list: BlockList, entry: string): void {
  const [address = '', bits, ...rest] = entry.split('/')
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
  const isLength = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 'ipv6' ? 128 : 32))
  if (isIP(address) === 0 || !isLength || rest.length > 0) throw new TypeError(`${entry} is no address and no CIDR`)
  if (bits === undefined) list.addAddress(address, family)
  else list.addSubnet(address, Number(bits), family)
}

/** An IPv4 address that arrived on an IPv6 socket is the IPv4 address. */
function plainAddress(address: string): string {
  return address.toLowerCase().startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

/** What counts as one sender: an IPv4 address, or the /64 that a household has of IPv6. */
export function senderOf(address: string): string {
  const plain = plainAddress(address)
  if (isIP(plain) !== 6) return plain
  const [head = '', tail] = (plain.split('%')[0] as string).split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const missing = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length)
  const groups = [...left, ...Array.from({ length: missing }, () => '0'), ...right]
  return groups
    .slice(0, 4)
    .map(group => Number.parseInt(group, 16).toString(16))
    .join(':')
}
