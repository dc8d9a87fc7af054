/**
 * What the gateway's own authority may vouch for (RFC 5280 §4.2.1.10): names of homes and of the routes, and addresses
 * of private networks. Whoever steals its key cannot make a certificate for anything else.
 */
import { isIP } from 'node:net'

/** `dns`: a name and everything below it. `ip`: addresses of 4 or 16 bytes, followed by as many of mask. */
export interface Permitted {
  readonly dns: readonly string[]
  readonly ip: readonly Uint8Array[]
}

export const NAME_CONSTRAINTS = '2.5.29.30'

const HOME_NAMES = ['home.arpa', 'local', 'lan', 'internal', 'home', 'localhost', 'test']
const HOME_NETS = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '169.254.0.0/16', '127.0.0.0/8']
const HOME_NETS6 = ['fc00::/7', 'fe80::/10', '::1/128']
const [SEQUENCE, PERMITTED, DNS_NAME, IP_ADDRESS] = [0x30, 0xa0, 0x82, 0x87]

/** @param hosts names and addresses that certificates are wanted for now */
export function permittedFor(hosts: readonly string[]): Permitted {
  const names = hosts.filter(host => isIP(host) === 0).map(parentOf)
  const dns = [...new Set([...HOME_NAMES, ...names])]
  const home = [...HOME_NETS, ...HOME_NETS6].map(netBytes)
  const foreign = hosts.filter(host => isIP(host) !== 0 && !isPermitted(host, { dns, ip: home }))
  const own = foreign.map(host => netBytes(`${host}/${isIP(host) === 6 ? 128 : 32}`))
  return { dns: dns.filter(name => !dns.some(other => other !== name && isBelow(name, other))), ip: [...home, ...own] }
}

/** A neighbour of today's names may come tomorrow, without another authority to install. */
function parentOf(name: string): string {
  const bare = name.startsWith('*.') ? name.slice(2) : name
  const labels = bare.split('.')
  return bare === name && labels.length > 2 ? labels.slice(1).join('.') : bare
}

export function isPermitted(host: string, { dns, ip }: Permitted): boolean {
  if (isIP(host) === 0) return dns.some(name => isBelow(host.replace(/^\*\./, ''), name))
  const address = addressBytes(host)
  return ip.some(net => net.length === 2 * address.length && address.every((byte, i) => maskedSame(byte, net, i)))
}

function maskedSame(byte: number, net: Uint8Array, i: number): boolean {
  const mask = net[net.length / 2 + i] as number
  return (byte & mask) === ((net[i] as number) & mask)
}

function isBelow(name: string, parent: string): boolean {
  return name === parent || name.endsWith(`.${parent}`)
}

/** The value of the extension, in DER. */
export function encodePermitted({ dns, ip }: Permitted): Uint8Array<ArrayBuffer> {
  const names = dns.map(name => tlv(SEQUENCE, tlv(DNS_NAME, Buffer.from(name, 'latin1'))))
  const nets = ip.map(net => tlv(SEQUENCE, tlv(IP_ADDRESS, net)))
  return new Uint8Array(tlv(SEQUENCE, tlv(PERMITTED, Buffer.concat([...names, ...nets]))))
}

/** @throws RangeError for bytes that `encodePermitted` has not written */
export function decodePermitted(der: Uint8Array): Permitted {
  const subtrees = children(child(child(der, SEQUENCE), PERMITTED)).map(({ value }) => children(value)[0])
  const of = (tag: number) => subtrees.flatMap(base => (base?.tag === tag ? [base.value] : []))
  return { dns: of(DNS_NAME).map(bytes => Buffer.from(bytes).toString('latin1')), ip: of(IP_ADDRESS) }
}

function tlv(tag: number, value: Uint8Array): Buffer {
  const { length } = value
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), value])
}

function child(der: Uint8Array, tag: number): Uint8Array {
  const [first] = children(der)
  if (first?.tag !== tag) throw new RangeError('no name constraints of the kind that is written here')
  return first.value
}

function children(der: Uint8Array): { readonly tag: number; readonly value: Uint8Array }[] {
  const found: { readonly tag: number; readonly value: Uint8Array }[] = []
  for (let at = 0; at < der.length; ) {
    const [tag = 0, first = 0] = der.subarray(at)
    const extra = first < 128 ? 0 : first - 128
    let length = extra === 0 ? first : 0
    for (let i = 0; i < extra; i++) length = length * 256 + (der[at + 2 + i] ?? 0)
    const start = at + 2 + extra
    if (extra > 2 || start + length > der.length) throw new RangeError('DER that ends too early')
    found.push({ tag, value: der.subarray(start, start + length) })
    at = start + length
  }
  return found
}

function netBytes(net: string): Uint8Array {
  const [address = '', bits = ''] = net.split('/')
  const bytes = addressBytes(address)
  const mask = bytes.map((_byte, i) => 255 & (0xff00 >> Math.min(8, Math.max(0, Number(bits) - 8 * i))))
  return Uint8Array.from([...bytes, ...mask])
}

/** 4 or 16 bytes of an address that is one. */
export function addressBytes(address: string): number[] {
  if (isIP(address) === 4) return address.split('.').map(Number)
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':').map(group => Number.parseInt(group, 16)))
  const [front, back] = [groups(head), groups(tail ?? '')]
  const all = [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back]
  return all.flatMap(group => [group >> 8, group & 255])
}
