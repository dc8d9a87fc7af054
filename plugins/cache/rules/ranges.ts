/**
 * Byte ranges of a stored answer (RFC 9110 §14): which bytes a Range field asks for, the fields and parts of a 206, and
 * the bounds that keep a small request from costing a large answer (§17.15).
 */
import { isNamed } from '../../contract/index.ts'
import { listMembers, wholeNumber, withoutFields } from './fields.ts'

/** Positions of the first and the last byte, both included. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

export type RangeDecision =
  | {
      readonly kind: 'whole'
      readonly reason: 'no-range' | 'range-unit' | 'range-malformed' | 'too-many-ranges' | 'empty'
    }
  | { readonly kind: 'unsatisfiable'; readonly reason: 'range-unsatisfiable' }
  | { readonly kind: 'ranges'; readonly reason: 'range'; readonly ranges: readonly ByteRange[] }

export const MOST_RANGES = 8

/** One member of a Range field: `from` null is a suffix of `to` bytes, `to` null reaches to the end. */
interface RangeSpec {
  readonly from: number | null
  readonly to: number | null
}

/**
 * The bytes that `range` asks for of a representation of `length` bytes. Overlapping and touching ranges are joined, so
 * that the parts are never longer than the whole; what is malformed is ignored (RFC 9110 §14.2).
 */
export function decideRanges(range: string | null, length: number): RangeDecision {
  if (range === null) return { kind: 'whole', reason: 'no-range' }
  const specs = parseRange(range)
  if (typeof specs === 'string') return { kind: 'whole', reason: specs }
  const ranges: ByteRange[] = []
  for (const spec of specs) {
    const resolved = resolveSpec(spec, length)
    if (resolved !== null) ranges.push(resolved)
  }
  if (ranges.length > 0) return { kind: 'ranges', reason: 'range', ranges: joinOverlaps(ranges) }
  // A suffix of nothing is nothing, which no Content-Range can say.
  const isEmptySuffix = length === 0 && specs.some(spec => spec.from === null && spec.to !== 0)
  return isEmptySuffix ? { kind: 'whole', reason: 'empty' } : { kind: 'unsatisfiable', reason: 'range-unsatisfiable' }
}

/** Members of `bytes=…` (RFC 9110 §14.1.1), or why the field is to be ignored. */
function parseRange(range: string): RangeSpec[] | 'range-unit' | 'range-malformed' | 'too-many-ranges' {
  const equals = range.indexOf('=')
  if (equals === -1) return 'range-malformed'
  if (!isNamed(range.slice(0, equals).trim(), 'bytes')) return 'range-unit'
  const members = listMembers(range.slice(equals + 1))
  if (members.length > MOST_RANGES) return 'too-many-ranges'
  const specs: RangeSpec[] = []
  for (const member of members) {
    const spec = parseSpec(member)
    if (spec === null) return 'range-malformed'
    specs.push(spec)
  }
  return specs.length === 0 ? 'range-malformed' : specs
}

function parseSpec(member: string): RangeSpec | null {
  const dash = member.indexOf('-')
  if (dash === -1) return null
  const from = dash === 0 ? null : wholeNumber(member.slice(0, dash))
  const to = dash === member.length - 1 ? null : wholeNumber(member.slice(dash + 1))
  const isMalformed = (dash > 0 && from === null) || (dash < member.length - 1 && to === null)
  if (isMalformed || (from === null && to === null)) return null
  return from !== null && to !== null && to < from ? null : { from, to }
}

/** Null when no byte is asked for that is there. */
function resolveSpec({ from, to }: RangeSpec, length: number): ByteRange | null {
  if (from === null) {
    return to === 0 || length === 0 ? null : { first: Math.max(0, length - (to ?? 0)), last: length - 1 }
  }
  return from >= length ? null : { first: from, last: Math.min(to ?? length - 1, length - 1) }
}

/** Each range stays where its first byte was asked for first (RFC 9110 §15.3.7.2). */
function joinOverlaps(ranges: readonly ByteRange[]): ByteRange[] {
  const joined: ByteRange[] = []
  for (const range of ranges) {
    let { first, last } = range
    let place = joined.length
    for (let i = joined.length - 1; i >= 0; i--) {
      const other = joined[i]!
      if (other.first > last + 1 || first > other.last + 1) continue
      first = Math.min(first, other.first)
      last = Math.max(last, other.last)
      joined.splice(i, 1)
      place = i
    }
    joined.splice(place, 0, { first, last })
  }
  return joined
}

/** `bytes 0-1/10` */
export function contentRange(range: ByteRange, total: number): string {
  return `bytes ${range.first}-${range.last}/${total}`
}

/** Content-Range of a 416 (RFC 9110 §15.5.17). */
export function unsatisfiedContentRange(total: number): string {
  return `bytes */${total}`
}

/** Digests of content are of what is sent (RFC 9530 §2): a part has another. */
const replaced = new Set(['content-length', 'content-range', 'content-digest', 'content-md5'])
const replacedByParts = new Set([...replaced, 'content-type'])

/** Fields of a 206 made of a stored 200 (RFC 9110 §15.3.7), with the length of its content. */
export function singlePartFields(headers: readonly string[], range: ByteRange, total: number): string[] {
  const length = String(range.last - range.first + 1)
  return [...withoutFields(headers, replaced), 'Content-Range', contentRange(range, total), 'Content-Length', length]
}

/** What stands around the ranges of a multipart/byteranges answer (RFC 9110 §14.6). */
export interface MultipartPlan {
  /** Fields of the 206, with the length of its content. */
  readonly fields: readonly string[]
  /** What is sent before each range, in their order. */
  readonly heads: readonly string[]
  /** What is sent behind the last one. */
  readonly end: string
}

/** `boundary` is 1 to 70 letters and digits that do not occur in the content. */
export function planMultipart(
  headers: readonly string[],
  ranges: readonly ByteRange[],
  { total, boundary, contentType }: { total: number; boundary: string; contentType: string | null },
): MultipartPlan {
  const type = contentType === null ? '' : `Content-Type: ${contentType}\r\n`
  const heads = ranges.map(
    (range, index) =>
      `${index === 0 ? '' : '\r\n'}--${boundary}\r\n${type}Content-Range: ${contentRange(range, total)}\r\n\r\n`,
  )
  const end = `\r\n--${boundary}--\r\n`
  const content = ranges.reduce((sum, range) => sum + range.last - range.first + 1, 0)
  // A field value is one byte a character (latin-1), and so is a part's head.
  const length = heads.reduce((sum, head) => sum + head.length, content + end.length)
  const multipartType = `multipart/byteranges; boundary=${boundary}`
  const own = ['Content-Type', multipartType, 'Content-Length', String(length)]
  return { fields: [...withoutFields(headers, replacedByParts), ...own], heads, end }
}
