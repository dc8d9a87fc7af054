/**
 * Which bytes a Range field asks for (RFC 9110 §14.1.2, §14.2), as a pure decision.
 */

/** Positions of the first and the last byte, both included. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

export type RangeDecision =
  | { readonly send: 'all'; readonly reason: 'no-range' | 'other-unit' | 'malformed' | 'too-many' }
  | { readonly send: 'ranges'; readonly reason: 'satisfiable'; readonly ranges: readonly ByteRange[] }
  | { readonly send: 'none'; readonly reason: 'unsatisfiable' }

/** Most ranges that are answered as parts; a request for more gets the whole (RFC 9110 §14.2, §17.15). */
export const MAX_RANGES = 8

/**
 * Decides what to send of a representation of `size` bytes. A malformed field is ignored, ranges beyond the end are
 * left out, and only where none is left the answer is 416.
 */
export function decideRange(field: string | undefined, size: number): RangeDecision {
  if (field === undefined) return { send: 'all', reason: 'no-range' }
  const equals = field.indexOf('=')
  if (field.slice(0, equals).trim().toLowerCase() !== 'bytes') return { send: 'all', reason: 'other-unit' }
  const specs = field.slice(equals + 1).split(',')
  if (specs.length > MAX_RANGES) return { send: 'all', reason: 'too-many' }
  const ranges: ByteRange[] = []
  for (const spec of specs) {
    const range = parseRange(spec.trim(), size)
    if (range === 'malformed') return { send: 'all', reason: 'malformed' }
    if (range !== 'beyond') ranges.push(range)
  }
  return ranges.length === 0
    ? { send: 'none', reason: 'unsatisfiable' }
    : { send: 'ranges', reason: 'satisfiable', ranges }
}

function parseRange(spec: string, size: number): ByteRange | 'beyond' | 'malformed' {
  const dash = spec.indexOf('-')
  const from = parsePosition(spec.slice(0, dash))
  const to = parsePosition(spec.slice(dash + 1))
  if (dash === -1 || from === 'malformed' || to === 'malformed') return 'malformed'
  if (from === null) return to === null ? 'malformed' : suffixRange(to, size)
  if (to !== null && to < from) return 'malformed'
  if (from >= size) return 'beyond'
  return { first: from, last: to === null ? size - 1 : Math.min(to, size - 1) }
}

function suffixRange(length: number, size: number): ByteRange | 'beyond' {
  return length === 0 || size === 0 ? 'beyond' : { first: Math.max(0, size - length), last: size - 1 }
}

/** Null = left out. More than 15 digits are beyond every size and beyond exact numbers. */
function parsePosition(text: string): number | null | 'malformed' {
  if (text === '') return null
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 48 || code > 57) return 'malformed'
  }
  return text.length > 15 ? Number.MAX_SAFE_INTEGER : Number(text)
}
