/**
 * Variants of one key (RFC 9111 §4.1): which fields select them, when their values are the same, which stored one answers
 * a request, and what is never shared because it would name a person.
 */
import { isToken, joinedValue, listMembers, memberEnd } from './fields.ts'
import type { RequestHead, RouteCacheSettings, StoredHead } from './types.ts'

export type VaryRefusal =
  | 'vary-star'
  | 'vary-cookie'
  | 'vary-authorization'
  | 'vary-client'
  | 'vary-condition'
  | 'vary-malformed'
  | 'vary-too-long'

export type VaryDecision =
  | { readonly share: true; readonly names: readonly string[] }
  | { readonly share: false; readonly reason: VaryRefusal }

/** More selecting fields than this make no variant that anybody would meet again. */
export const MOST_VARY_NAMES = 16

/** Fields that name a client or that the gateway writes itself, so that a client's own line says nothing. */
const clientFields = new Set([
  ...['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-port', 'x-forwarded-prefix', 'x-real-ip'],
  ...['x-client-ip', 'true-client-ip', 'x-request-id', 'via'],
])
/**
 * Conditions and ranges of RFC 9110 §13.1 and §14.2: this cache takes them apart itself and asks with its own, so that what
 * a client sent never reaches the origin that chose by it (nchan's long polls tell their place in the queue by them).
 */
const conditionFields = new Set([
  ...['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range', 'range'],
])
const identityPrefixes = [
  ...[
    'remote-',
    'x-remote-',
    'x-webauth-',
    'x-auth-request-',
    'x-authentik-',
    'x-authelia-',
    'x-vouch-',
    'x-pomerium-',
  ],
  ...['x-forwarded-user', 'x-forwarded-email', 'x-forwarded-groups', 'x-forwarded-access-token', 'x-ssl-client-'],
  ...['x-forwarded-preferred-username', 'x-token-user-'],
]

/**
 * `vary` is the field with its lines joined. An answer with a coding depends on Accept-Encoding whether its origin says
 * so or not: a client that did not ask for gzip must not get it.
 */
export function decideVary(
  vary: string | null,
  hasCoding: boolean,
  settings: Pick<RouteCacheSettings, 'storeCookieVary'>,
): VaryDecision {
  const names = new Set(vary === null ? [] : listMembers(vary.toLowerCase()))
  if (hasCoding) names.add('accept-encoding')
  for (const name of names) {
    const reason = refuseName(name, settings.storeCookieVary)
    if (reason !== null) return { share: false, reason }
  }
  if (names.size > MOST_VARY_NAMES) return { share: false, reason: 'vary-too-long' }
  return { share: true, names: [...names].sort() }
}

function refuseName(name: string, isCookieShared: boolean): VaryRefusal | null {
  if (name === '*') return 'vary-star'
  if (name === 'cookie') return isCookieShared ? null : 'vary-cookie'
  if (name === 'authorization' || name === 'proxy-authorization') return 'vary-authorization'
  if (clientFields.has(name) || identityPrefixes.some(prefix => name.startsWith(prefix))) return 'vary-client'
  if (conditionFields.has(name)) return 'vary-condition'
  return isToken(name) && name !== '__proto__' ? null : 'vary-malformed'
}

/** The normalised values of the selecting fields in this request. */
export function varyValuesOf(names: readonly string[], request: RequestHead): Record<string, string | null> {
  const values: Record<string, string | null> = {}
  for (const name of names) values[name] = selectingValue(name, request)
  return values
}

/** One text for one variant, for use as a second key. */
export function variantKey(names: readonly string[], values: Readonly<Record<string, string | null>>): string {
  return names.map(name => `${name}${values[name] == null ? '' : `=${values[name]}`}`).join('\n')
}

/** Whether the stored answer's selecting fields have the same values in this request. */
export function matchesVary(stored: Pick<StoredHead, 'varyNames' | 'varyValues'>, request: RequestHead): boolean {
  for (const name of stored.varyNames) {
    if (selectingValue(name, request) !== (stored.varyValues[name] ?? null)) return false
  }
  return true
}

/** The newest variant by Date that matches (RFC 9111 §4), or null. */
export function selectVariant<T extends StoredHead>(variants: readonly T[], request: RequestHead): T | null {
  let newest: T | null = null
  for (const variant of variants) {
    if (!matchesVary(variant, request)) continue
    if (newest === null || isNewer(variant, newest)) newest = variant
  }
  return newest
}

function isNewer(a: StoredHead, b: StoredHead): boolean {
  return a.dateMs === b.dateMs ? a.responseTimeMs >= b.responseTimeMs : a.dateMs > b.dateMs
}

/** The variant that makes room for another one, null while there is room: the one that arrived first. */
export function variantToDrop<T extends StoredHead>(variants: readonly T[], maxVariants: number): T | null {
  if (variants.length < maxVariants) return null
  return variants.reduce((oldest, each) => (each.responseTimeMs < oldest.responseTimeMs ? each : oldest))
}

function selectingValue(name: string, request: RequestHead): string | null {
  if (name === 'host') return request.host
  if (name === 'x-forwarded-proto') return request.scheme
  const value = joinedValue(request.headers, name)
  if (value === null) return null
  if (name === 'accept-encoding') return normaliseAcceptEncoding(value)
  if (name === 'accept-language') return normaliseAcceptLanguage(value)
  return name === 'cookie' ? value : normaliseBlanks(value)
}

/** Blanks around commas mean nothing; case, order and quoted strings are left alone in a field nobody knows. */
export function normaliseBlanks(value: string): string {
  if (!value.includes(',')) return value.trim()
  const members: string[] = []
  for (let at = 0; at <= value.length; ) {
    const end = memberEnd(value, at)
    members.push(value.slice(at, end).trim())
    at = end + 1
  }
  return members.join(',')
}

/**
 * What a client can decode, whatever it likes best: any coding it accepts is good for it. Refused codings count only
 * where something would have accepted them.
 */
export function normaliseAcceptEncoding(value: string): string {
  const accepted = new Set<string>()
  const refused = new Set<string>()
  for (const member of listMembers(value.toLowerCase())) {
    const { name, isRefused } = readCoding(member)
    if (isRefused) refused.add(name)
    else accepted.add(name)
  }
  const isWild = accepted.has('*')
  if (!refused.has('*')) accepted.delete('identity')
  const matters = [...refused].filter(name => isWild || name === 'identity' || name === '*')
  return [...[...accepted].sort(), ...matters.sort().map(name => `${name};q=0`)].join(',')
}

/** RFC 9110 §12.5.3; without the field a client takes anything. */
export function takesCoding(acceptEncoding: string | null, coding: string): boolean {
  if (acceptEncoding === null) return true
  const members = normaliseAcceptEncoding(acceptEncoding).split(',')
  return members.includes(coding) || (members.includes('*') && !members.includes(`${coding};q=0`))
}

const aliases: Readonly<Record<string, string>> = { 'x-gzip': 'gzip', 'x-compress': 'compress' }

function readCoding(member: string): { name: string; isRefused: boolean } {
  const semicolon = member.indexOf(';')
  const name = (semicolon === -1 ? member : member.slice(0, semicolon)).trim()
  const weight = semicolon === -1 ? '' : member.slice(semicolon + 1).trim()
  const isRefused = ['q=0', 'q=0.', 'q=0.0', 'q=0.00', 'q=0.000'].includes(weight)
  return { name: Object.hasOwn(aliases, name) ? aliases[name]! : name, isRefused }
}

/** RFC 9110 §12.5.4: case and order of the ranges mean nothing, their weights do. */
export function normaliseAcceptLanguage(value: string): string {
  return listMembers(value.toLowerCase())
    .map(member => {
      const [range, ...parameters] = member.split(';').map(part => part.trim())
      const weight = parameters.find(part => part.startsWith('q='))?.slice(2) ?? '1'
      return Number(weight) === 1 ? range : `${range};q=${Number(weight)}`
    })
    .sort()
    .join(',')
}
