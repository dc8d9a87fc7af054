/**
 * Who a request is for: checks and normalises the authority of a Host field or an absolute target (RFC 9110 §4.2.3 and
 * §7.2, RFC 3986 §3.2.2), and reads the host patterns of routes. Stricter than the grammar on purpose: percent escapes
 * and sub-delims in a name would be second spellings of the same host, and no home server has such a name.
 */
import { isIPv6 } from 'node:net'
import { domainToASCII } from 'node:url'

const DOT = 0x2e
const HYPHEN = 0x2d
const UNDERSCORE = 0x5f
const BRACKET = 0x5b
const MAX_NAME = 253
const MAX_LABEL = 63
const MAX_PORT = 65_535

/** Why a Host was refused; also the reason in the log. */
export type HostFault = 'host-missing' | 'host-invalid' | 'port-invalid'

/** `name` is lower case without a trailing dot, IPv6 in brackets and compressed; `port` is null where none was written. */
export type HostDecision =
  | { readonly ok: true; readonly name: string; readonly port: number | null }
  | { readonly ok: false; readonly reason: HostFault }

/** What a route's `host` means. `name` is normalised; that of a wildcard comes without the leading `*.`. */
export type HostPattern =
  | { readonly kind: 'exact'; readonly name: string }
  | { readonly kind: 'wildcard'; readonly name: string }
  | { readonly kind: 'any'; readonly name: '' }

/** Splits and checks `host[:port]`. An empty port (`name:`) is allowed by RFC 3986 and means none. */
export function parseHost(authority: string | undefined): HostDecision {
  if (authority === undefined || authority === '') return { ok: false, reason: 'host-missing' }
  const end = nameEnd(authority)
  if (end === 0) return { ok: false, reason: 'host-invalid' }
  const name = authority.charCodeAt(0) === BRACKET ? normaliseIpv6(authority.slice(1, end - 1)) : nameOf(authority, end)
  if (name === null) return { ok: false, reason: 'host-invalid' }
  if (end === authority.length) return { ok: true, name, port: null }
  const port = parsePort(authority, end)
  return port === undefined ? { ok: false, reason: 'port-invalid' } : { ok: true, name, port }
}

/** Reads one host of a route: a name, `*.name` or `*`; names outside ASCII become punycode. Null = not a host. */
export function parseHostPattern(text: string): HostPattern | null {
  if (text === '*') return { kind: 'any', name: '' }
  const wildcard = text.startsWith('*.')
  const written = wildcard ? text.slice(2) : text
  const host = parseHost(isIPv6(written) ? `[${written}]` : toAscii(written))
  if (!host.ok || host.port !== null) return null
  if (wildcard && host.name.startsWith('[')) return null
  return { kind: wildcard ? 'wildcard' : 'exact', name: host.name }
}

/** Whether a normalised host name falls under a pattern; `*.name` needs at least one label left of `name`. */
export function matchesHost(pattern: HostPattern, name: string): boolean {
  if (pattern.kind === 'any') return true
  if (pattern.kind === 'exact') return pattern.name === name
  const dot = name.length - pattern.name.length - 1
  return dot > 0 && name.charCodeAt(dot) === DOT && name.endsWith(pattern.name)
}

function nameEnd(authority: string): number {
  if (authority.charCodeAt(0) === BRACKET) return authority.indexOf(']') + 1
  const colon = authority.indexOf(':')
  return colon < 0 ? authority.length : colon
}

function nameOf(authority: string, end: number): string | null {
  return normaliseName(end === authority.length ? authority : authority.slice(0, end))
}

function normaliseName(text: string): string | null {
  const end = text.charCodeAt(text.length - 1) === DOT ? text.length - 1 : text.length
  if (end === 0 || end > MAX_NAME) return null
  let label = 0
  let hasUpper = false
  for (let at = 0; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code === DOT ? label === 0 : !isNameCharacter(code)) return null
    label = code === DOT ? 0 : label + 1
    if (label > MAX_LABEL) return null
    if (isUpper(code)) hasUpper = true
  }
  if (label === 0) return null
  const name = end === text.length ? text : text.slice(0, end)
  return hasUpper ? name.toLowerCase() : name
}

function isUpper(code: number): boolean {
  return code >= 0x41 && code <= 0x5a
}

function isNameCharacter(code: number): boolean {
  if (code >= 0x61 && code <= 0x7a) return true
  if (code >= 0x30 && code <= 0x39) return true
  return isUpper(code) || code === HYPHEN || code === UNDERSCORE
}

function normaliseIpv6(text: string): string | null {
  // isIPv6 also takes zones (`%eth0`), which mean nothing outside the machine that wrote them.
  if (text.includes('%') || !isIPv6(text)) return null
  return new URL(`http://[${text}]`).hostname
}

/** The port behind the colon at `colon`; null = the colon alone; undefined = not a port. */
function parsePort(authority: string, colon: number): number | null | undefined {
  if (authority.charCodeAt(colon) !== 0x3a || authority.length - colon > 6) return undefined
  let port: number | null = null
  for (let at = colon + 1; at < authority.length; at++) {
    const digit = authority.charCodeAt(at) - 0x30
    if (digit < 0 || digit > 9) return undefined
    port = (port ?? 0) * 10 + digit
  }
  return port !== null && port > MAX_PORT ? undefined : port
}

function toAscii(name: string): string {
  for (let at = 0; at < name.length; at++) if (name.charCodeAt(at) > 0x7f) return domainToASCII(name)
  return name
}
