/** Forwarded (RFC 7239 §4) as a list of hops, and what stands for an address in it. Pure. */
import { isIP } from 'node:net'

/** One element of Forwarded; what it does not say, or nobody can read, is null. */
export interface Hop {
  /** As written, without quotes: an address with or without a port, `unknown` or `_hidden`. */
  readonly node: string | null
  readonly proto: 'http' | 'https' | null
  readonly host: string | null
}

/** Elements are split outside of quotes only: a host may hold what looks like another one. */
const ELEMENT = /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g
const PAIR = /(?:^|;)\s*(for|proto|host)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"\s]*))\s*(?=;|$)/gi

/** The hops that a Forwarded field names, the client's own first. */
export function readForwarded(value: string): Hop[] {
  return (value.match(ELEMENT) ?? []).map(element => {
    const said = new Map<string, string>()
    for (const [, name = '', inQuotes, plain = ''] of element.trim().matchAll(PAIR)) {
      said.set(name.toLowerCase(), inQuotes?.replace(/\\(.)/g, '$1') ?? plain)
    }
    const proto = said.get('proto')?.toLowerCase()
    const isKnown = proto === 'http' || proto === 'https'
    return { node: said.get('for') || null, proto: isKnown ? proto : null, host: said.get('host') || null }
  })
}

/** `1.2.3.4`, `1.2.3.4:80`, `::1` or `[::1]:80` as an address; null for anything else. */
export function bareAddress(text: string): string | null {
  if (isIP(text) !== 0) return plainAddress(text)
  const inner = /^\[([^\]]+)\](:\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? ''
  return isIP(inner) === 0 ? null : plainAddress(inner)
}

/** An IPv4 address that arrived on an IPv6 socket is the IPv4 address. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unknown'
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
