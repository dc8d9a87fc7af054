/**
 * The target that a Location or Content-Location names, seen from the request (RFC 3986 §5.2), without touching a byte
 * of it beyond dot segments: keys are exact.
 */
import type { RequestHead } from './types.ts'

/** Host (null: that of the request) and target of a reference, or null when it is none of http. */
export interface ResolvedReference {
  readonly host: string | null
  readonly target: string
}

export function resolveReference(reference: string, request: Pick<RequestHead, 'target'>): ResolvedReference | null {
  const text = withoutFragment(reference.trim())
  const scheme = schemeOf(text)
  if (scheme !== null && scheme !== 'http' && scheme !== 'https') return null
  const rest = scheme === null ? text : text.slice(scheme.length + 1)
  if (rest.startsWith('//')) return resolveAuthority(rest.slice(2), scheme)
  if (scheme !== null) return null
  return { host: null, target: resolveTarget(rest, request.target) }
}

function resolveAuthority(text: string, scheme: string | null): ResolvedReference | null {
  let end = 0
  while (end < text.length && text[end] !== '/' && text[end] !== '?') end++
  const authority = text.slice(0, end).toLowerCase()
  if (authority === '' || authority.includes('@')) return null
  const rest = text.slice(end)
  const host = withPort(authority, scheme)
  return { host, target: withoutDots(rest.startsWith('/') ? rest : `/${rest}`) }
}

function resolveTarget(text: string, base: string): string {
  const question = base.indexOf('?')
  const path = question === -1 ? base : base.slice(0, question)
  if (text === '') return base
  if (text.startsWith('?')) return path + text
  if (text.startsWith('/')) return withoutDots(text)
  return withoutDots(path.slice(0, path.lastIndexOf('/') + 1) + text)
}

/** RFC 3986 §5.2.4, for the path only. */
function withoutDots(target: string): string {
  const question = target.indexOf('?')
  const path = question === -1 ? target : target.slice(0, question)
  if (!path.includes('/.')) return target
  const kept: string[] = []
  const segments = path.split('/').slice(1)
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1
    if (segment === '..') kept.pop()
    else if (segment !== '.') kept.push(segment)
    if (isLast && (segment === '.' || segment === '..')) kept.push('')
  }
  return `/${kept.join('/')}${question === -1 ? '' : target.slice(question)}`
}

function withoutFragment(text: string): string {
  const hash = text.indexOf('#')
  return hash === -1 ? text : text.slice(0, hash)
}

function schemeOf(text: string): string | null {
  const colon = text.indexOf(':')
  if (colon <= 0) return null
  const scheme = text.slice(0, colon)
  return scheme.includes('/') || scheme.includes('?') ? null : scheme.toLowerCase()
}

/** Both spellings of a host, with and without the port that its scheme has anyway, are one. */
export function sameHost(a: string, b: string, scheme: string): boolean {
  return withPort(a.toLowerCase(), scheme) === withPort(b.toLowerCase(), scheme)
}

function withPort(host: string, scheme: string | null): string {
  if (scheme === null || host.lastIndexOf(':') > host.lastIndexOf(']')) return host
  return `${host}:${scheme === 'https' ? 443 : 80}`
}
