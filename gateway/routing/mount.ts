/**
 * What a route does to the path it matched: nothing, its own spelling of the prefix, or `rewrite_path` in place of the
 * prefix. Strings are joined, never resolved: `canonicalPath` has left nothing that could climb out of the base.
 */
import { canonicalPath, loosen } from '../../plugins/contract/index.ts'

const SLASH = 0x2f

/** The prefix of a route in the forms that matching and sending need; made once for each route. */
export interface Mount {
  /** The prefix as routes are compared: decoded, without a slash at the end, '' for the root. */
  readonly key: string
  /** The prefix as deny rules are compared. */
  readonly looseKey: string
  /** The configured spelling of the prefix, fit for the wire, without a slash at the end. */
  readonly prefix: string
  /** What replaces the prefix where something follows it; null = the prefix stays. */
  readonly base: string | null
  /** What replaces the whole path where nothing follows the prefix. */
  readonly bareBase: string
}

/** A mount, or what is wrong with the paths of a route in words for the person who wrote them. */
export type MountDecision =
  | { readonly ok: true; readonly mount: Mount }
  | { readonly ok: false; readonly problem: string }

/** Reads `match.path` and `rewrite_path` of a route. Text outside ASCII stands for its UTF-8 bytes. */
export function compileMount(path: string, rewritePath: string | null): MountDecision {
  const matched = readConfigured(path)
  if (matched === null) return { ok: false, problem: describeProblem('path', path) }
  const base = readConfigured(rewritePath ?? '/')
  if (base === null) return { ok: false, problem: describeProblem('rewrite_path', rewritePath ?? '') }
  const mount = {
    key: cutTrailingSlashes(matched.decoded),
    looseKey: cutTrailingSlashes(loosen(matched.decoded)),
    prefix: cutTrailingSlashes(matched.sent),
    base: rewritePath === null ? null : cutTrailingSlashes(base.sent),
    bareBase: base.sent,
  }
  return { ok: true, mount }
}

/** The path to send for one whose first `prefixLength` characters are the mount's prefix, however they are spelled. */
export function upstreamPath(mount: Mount, path: string, prefixLength: number): string {
  const rest = path.slice(prefixLength)
  if (mount.base !== null) return rest === '' ? mount.bareBase : mount.base + rest
  const spelling = path.slice(0, prefixLength)
  return spelling === mount.key || spelling === mount.prefix ? path : mount.prefix + rest
}

/**
 * How many characters of `sent` spell a prefix of as many segments as `key` has. With `collapsed`, empty segments in
 * front of and within the prefix belong to it and do not count.
 */
export function spelledPrefixLength(sent: string, key: string, collapsed: boolean): number {
  let at = 0
  for (let start = key.indexOf('/'); start >= 0; start = key.indexOf('/', start + 1)) {
    at += 1
    if (collapsed) while (sent.charCodeAt(at) === SLASH) at += 1
    const next = sent.indexOf('/', at)
    at = next < 0 ? sent.length : next
  }
  return at
}

function readConfigured(text: string): { readonly sent: string; readonly decoded: string } | null {
  if (text.includes('?') || text.includes('#')) return null
  const canonical = canonicalPath(escapeUnsafe(text))
  return canonical.ok ? canonical : null
}

/** UTF-8 bytes outside visible ASCII as percent escapes; all else, `%` too, as written. */
function escapeUnsafe(text: string): string {
  let escaped = ''
  for (const byte of Buffer.from(text, 'utf8')) {
    const isVisible = byte > 0x20 && byte < 0x7f
    escaped += isVisible ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return escaped
}

function cutTrailingSlashes(path: string): string {
  let end = path.length
  while (end > 0 && path.charCodeAt(end - 1) === SLASH) end -= 1
  return path.slice(0, end)
}

function describeProblem(key: string, text: string): string {
  return `${key} "${text}" must begin with "/" and have no "?", "#" or dot segments that climb or hide`
}
