/**
 * An address as people write it, in the form in which the cache names what it keeps: scheme and host in small letters,
 * no default port, no fragment; path and query byte for byte, since what looks alike may be different to an origin.
 */
import { domainToASCII } from 'node:url'
import type { TextReading } from '../config/text-reading.ts'
import { parseHost } from '../routing/index.ts'

const refuse = (problem: string): TextReading => ({ ok: false, problem })

/** @param text absolute, of http or https; the beginning of an address has to hold its whole host */
export function readPublicAddress(text: string): TextReading {
  const match = /^(https?):\/\/([^/?#]*)([^#]*)/i.exec(text)
  if (match === null) return refuse('write the whole address, as in "https://wiki.home.arpa/page"')
  const [, scheme = '', authority = '', target = ''] = match
  if (authority.includes('@')) return refuse('write the address without user and password')
  const host = hostOf(authority)
  if (host === null) return refuse('the host is neither a name nor an address')
  const encoded = encodeRest(target)
  if (encoded === null) return refuse('the address holds a space or a control character: write %20 for a space')
  const lower = scheme.toLowerCase()
  return { ok: true, value: `${lower}://${withoutDefaultPort(host, lower)}${rooted(encoded)}` }
}

/** Lower case with its port; null where no request can have this Host. */
function hostOf(authority: string): string | null {
  const port = /:\d*$/.exec(authority)?.[0] ?? ''
  const name = authority.slice(0, authority.length - port.length)
  const ascii = /^[\x21-\x7e]+$/.test(name) ? name.toLowerCase() : domainToASCII(name)
  return parseHost(`${ascii}${port}`).ok ? `${ascii}${port === ':' ? '' : port}` : null
}

function withoutDefaultPort(host: string, scheme: string): string {
  const port = scheme === 'https' ? ':443' : ':80'
  return host.endsWith(port) ? host.slice(0, -port.length) : host
}

function rooted(target: string): string {
  return target.startsWith('/') ? target : `/${target}`
}

/** Characters beyond ASCII as browsers send them; null where no client can send it. */
function encodeRest(target: string): string | null {
  if (/^[\x21-\x7e]*$/.test(target)) return target
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what cannot be sent
  if (/[\u0000-\u0020\u007f]/.test(target) || !target.isWellFormed()) return null
  return target.replaceAll(/[^\x21-\x7e]+/g, encodeURIComponent)
}
