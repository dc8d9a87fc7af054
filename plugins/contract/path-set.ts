/**
 * A list of path patterns, compared with every reading of a path (`path.ts`). What restricts asks `coversAny`: one
 * reading is enough, in any letter case. What opens asks `coversAll`: no reading may be another.
 */
import { canonicalPath, decodeOnce, isPlainPath, looseReadings } from './path.ts'

/** Most patterns of one set. */
export const MAX_PATTERNS = 256

const SLASH = 0x2f

/**
 * `/api` is a prefix on segment borders. With a `*` in it, which stands for any characters, the whole path has to
 * match: `/apps/*.js`. Behind a `?` stands a parameter that the query must have: `/apps/*.js?v`.
 */
export interface PathSet {
  /** Whether a pattern covers any reading of path and query, letter case aside. `query` is empty or begins with `?`. */
  coversAny(path: string, query: string): boolean
  /** Whether one and the same pattern covers every reading of the path, letter by letter. */
  coversAll(path: string, query: string): boolean
}

/** What is wrong with a pattern, in words; null = nothing. */
export function patternProblem(text: string): string | null {
  const { path, parameter } = split(text)
  if (!path.startsWith('/')) return 'a path begins with "/"'
  if (!/^[\x21-\x7e]+$/.test(text) || text.includes('#')) return 'write it as it stands in an address'
  if (parameter !== null && !/^[\w.~-]+$/.test(parameter)) return 'behind "?" stands the name of one parameter: "?v"'
  return canonicalPath(path).ok ? null : '"." and ".." cannot be segments of a path'
}

/** @throws TypeError for a pattern with a problem, or for more than MAX_PATTERNS. */
export function compilePaths(patterns: readonly string[]): PathSet {
  if (patterns.length > MAX_PATTERNS) throw new TypeError(`more than ${MAX_PATTERNS} paths`)
  const exact = patterns.map(text => compilePattern(text, false))
  const folded = patterns.map(text => compilePattern(text, true))
  return {
    coversAny(path, query) {
      if (folded.length === 0) return false
      const readings = readingsOf(path)
      // Who cannot say where a path leads cannot say that it leads past the rule.
      if (readings === null) return true
      const lower = readings.map(reading => reading.toLowerCase())
      return folded.some(pattern => mayHaveParameter(query, pattern) && lower.some(reading => covers(pattern, reading)))
    },
    coversAll(path, query) {
      if (exact.length === 0) return false
      const readings = readingsOf(path)
      if (readings === null) return false
      return exact.some(pattern => hasParameter(query, pattern) && readings.every(reading => covers(pattern, reading)))
    },
  }
}

interface Pattern {
  /** What stands between the stars; one part = a prefix on segment borders. */
  readonly parts: readonly string[]
  readonly parameter: string | null
}

function split(text: string): { readonly path: string; readonly parameter: string | null } {
  const question = text.indexOf('?')
  if (question === -1) return { path: text, parameter: null }
  return { path: text.slice(0, question), parameter: text.slice(question + 1) }
}

function compilePattern(text: string, isFolded: boolean): Pattern {
  const { path, parameter } = split(text)
  const canonical = canonicalPath(path)
  if (patternProblem(text) !== null || !canonical.ok) throw new TypeError(`${text}: ${patternProblem(text)}`)
  const decoded = isFolded ? canonical.decoded.toLowerCase() : canonical.decoded
  const parts = decoded.split('*')
  return { parts: parts.length === 1 ? [withoutSlash(decoded)] : parts, parameter }
}

function withoutSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}

/** Every way to understand the path; null for one that is refused anyway. */
function readingsOf(path: string): readonly string[] | null {
  if (isPlainPath(path)) return [path]
  if (path === '*') return ['/']
  const canonical = canonicalPath(path)
  return canonical.ok ? [canonical.decoded, ...looseReadings(canonical.decoded)] : null
}

function covers({ parts }: Pattern, path: string): boolean {
  const first = parts[0] as string
  if (!path.startsWith(first)) return false
  if (parts.length === 1) return path.length === first.length || path.charCodeAt(first.length) === SLASH
  let at = first.length
  for (let i = 1; i < parts.length - 1; i++) {
    const part = parts[i] as string
    const found = path.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  const last = parts[parts.length - 1] as string
  return path.length - last.length >= at && path.endsWith(last)
}

/** Whether any server could read the parameter out of the query, with or without a value: escaped, or behind a `;`. */
function mayHaveParameter(query: string, { parameter }: Pattern): boolean {
  if (parameter === null) return true
  const wanted = parameter.toLowerCase()
  for (const pair of query.slice(1).split(/[&;]/)) {
    const name = decodeOnce(pair.split('=', 1)[0] as string).toLowerCase()
    // `v[]` and `v.x` are the parameter `v` to PHP and others, and NUL ends a name in C.
    if (name.trim().split(/[[.\0]/, 1)[0] === wanted || name === wanted) return true
  }
  return false
}

/** Whether the query has the parameter that the pattern asks for, with a value and letter by letter. */
function hasParameter(query: string, { parameter }: Pattern): boolean {
  if (parameter === null) return true
  for (const pair of query.slice(1).split('&')) {
    if (pair.length > parameter.length + 1 && pair.startsWith(parameter) && pair[parameter.length] === '=') return true
  }
  return false
}
