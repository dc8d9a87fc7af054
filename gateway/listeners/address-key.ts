/**
 * Under which key a client's address is counted: IPv4 as it is, IPv4 in IPv6 as IPv4 (RFC 4291 §2.5.5.2), IPv6 by its
 * /64, the smallest net that one household or host is given (RFC 6177).
 */
const MAPPED = '::ffff:'

/** `192.0.2.7`, `2001:db8:0:1::/64`; the text itself where it is no address (a local socket has none: ''). */
export function addressKey(address: string | undefined): string {
  if (address === undefined) return ''
  if (!address.includes(':')) return address
  const lower = address.toLowerCase()
  if (lower.startsWith(MAPPED) && lower.includes('.')) return lower.slice(MAPPED.length)
  return `${firstGroups(lower).join(':')}::/64`
}

/** True for 127.0.0.0/8, ::1 and the peer of a local socket. */
export function isLoopback(address: string | undefined): boolean {
  if (address === undefined || address === '' || address === '::1') return true
  const key = addressKey(address)
  return key.startsWith('127.') && !key.includes(':')
}

function firstGroups(address: string): string[] {
  const [head = '', tail] = address.split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  const gap = tail === undefined ? 0 : 8 - front.length - back.length
  const groups = [...front, ...new Array<string>(Math.max(0, gap)).fill('0'), ...back]
  return groups.slice(0, 4).map(group => group.replace(/^0+(?=.)/, ''))
}
