/**
 * Takes secrets out of URLs: parameters by name in query and path, user and password of an authority, and both inside
 * encoded values. Where two readings are possible the one that hides more is taken.
 */
import { decodeAscii, MAX_DECODINGS } from './percent.ts'
import { hideSegments, type Redaction } from './redaction.ts'
import { isSecretParameter } from './secret-names.ts'

/** What stands in the place of a secret. */
export const HIDDEN = '***'

/**
 * A request target or URL without its secrets. Names stay, so that one sees that a secret was there. Long path segments
 * stay as well, also where they look like tokens: nothing tells them from ids, but for `more`, which an app's own
 * secrets are named in.
 */
export function redactUrl(url: string, more: Redaction | null = null): string {
  const shown = more === null || more.paths.length === 0 ? url : hideSegments(url, more.paths, HIDDEN)
  if (!shown.includes('=') && !shown.includes('%') && !shown.includes('@')) return shown
  return redactParts(shown, more)
}

function redactParts(url: string, more: Redaction | null): string {
  const first = url.charAt(0)
  const isAuthorityForm = first !== '/' && first !== '?' && first !== '#' && !url.includes('://')
  return redactPairs(redactAuthorities(isAuthorityForm ? hideUserinfo(url, 0) : url), 0, more)
}

/** Whether a decoded piece of a URL holds a secret. */
function holdsSecret(text: string, depth: number, more: Redaction | null): boolean {
  if (depth > MAX_DECODINGS) return text.includes('%')
  return redactAuthorities(text) !== text || redactPairs(text, depth, more) !== text
}

/** Hides `user:password@` behind each `://` (RFC 3986 §3.2.1). */
function redactAuthorities(url: string): string {
  let out = url
  for (let at = out.indexOf('://'); at !== -1; at = out.indexOf('://', at + 3)) out = hideUserinfo(out, at + 3)
  return out
}

function hideUserinfo(url: string, start: number): string {
  let at = -1
  for (let i = start; i < url.length && !isAuthorityEnd(url.charCodeAt(i)); i++) if (url.charCodeAt(i) === 0x40) at = i
  return at === -1 ? url : url.slice(0, start) + HIDDEN + url.slice(at)
}

/** `/ ? # \` */
function isAuthorityEnd(code: number): boolean {
  return code === 0x2f || code === 0x3f || code === 0x23 || code === 0x5c
}

function redactPairs(url: string, depth: number, more: Redaction | null): string {
  let out = ''
  let shown = 0
  let isQuery = false
  for (let start = 0; start <= url.length; ) {
    const end = pairEnd(url, start, isQuery)
    const pair = url.slice(start, end)
    const equals = pair.indexOf('=')
    let next = end
    if (isSecretPair(pair, equals, depth, more)) {
      next = secretEnd(url, end, isQuery)
      out += url.slice(shown, start + equals + 1) + HIDDEN
      shown = next
    }
    isQuery ||= url.charCodeAt(next) === 0x3f
    start = next + 1
  }
  return shown === 0 ? url : out + url.slice(shown)
}

/** @param equals where in the pair its first `=` is; -1 = it has none. */
function isSecretPair(pair: string, equals: number, depth: number, more: Redaction | null): boolean {
  if (equals !== -1 && isSecretParameter(pair.slice(0, equals), more?.names)) return true
  if (pair.includes('%')) {
    const decoded = decodeAscii(pair)
    if (decoded !== pair) return holdsSecret(decoded, depth + 1, more)
  }
  return equals !== -1 && pair.includes('=', equals + 1) && holdsSecret(pair.slice(equals + 1), depth + 1, more)
}

/** End of a pair: `?`, `&`, `;` and `#` end it, in the path `/` too. */
function pairEnd(url: string, start: number, isQuery: boolean): number {
  for (let i = start; i < url.length; i++) {
    const code = url.charCodeAt(i)
    if (code === 0x26 || code === 0x3f || code === 0x3b || code === 0x23 || (code === 0x2f && !isQuery)) return i
  }
  return url.length
}

/** End of a secret's value: a server may take `;`, `?` and `#` as a part of it, `&` in a query never. */
function secretEnd(url: string, from: number, isQuery: boolean): number {
  for (let i = from; i < url.length; i++) {
    const code = url.charCodeAt(i)
    if (isQuery ? code === 0x26 : code === 0x2f || code === 0x3f) return i
  }
  return url.length
}
