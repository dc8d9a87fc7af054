/**
 * What a stored answer becomes for one request: whole, 304, a range, several, or 416 (RFC 9110 §13, §14; RFC 9111 §4.3.2).
 * Pure save for the boundary of several parts; the pieces say which bytes of the stored body go out.
 */
import type { CachedHead } from '../passage.ts'
import { firstValue, withoutFields } from '../rules/fields.ts'
import { rangeWithin } from '../rules/partial.ts'
import {
  type ByteRange,
  decideRanges,
  planMultipart,
  singlePartFields,
  unsatisfiedContentRange,
} from '../rules/ranges.ts'
import type { RequestFacts } from '../rules/request-facts.ts'
import { decideConditions, isRangeWanted, notModifiedFields } from '../rules/validation.ts'
import { newBoundary } from './boundary.ts'

/** A text of the answer's own, or bytes `start` to `end` (both included) of the stored body. */
export type Piece = { readonly text: string } | { readonly start: number; readonly end: number } | 'body'

export interface AnswerPlan {
  readonly kind: 'whole' | 'not-modified' | 'range' | 'ranges' | 'unsatisfiable'
  readonly status: number
  /** Flat, with Content-Length where the answer has one. */
  readonly fields: readonly string[]
  readonly pieces: readonly Piece[]
}

export interface PlanRequest {
  readonly method: string
  readonly facts: RequestFacts
}

/** `bodyLength` is that of the stored body. Null: only the origin can answer this. */
export function planAnswer(
  head: CachedHead,
  bodyLength: number,
  request: PlanRequest,
  nowMs: number,
): AnswerPlan | null {
  const tagged = head.etag === null && head.ownTag !== null ? { ...head, etag: head.ownTag } : head
  const { answer } = decideConditions(tagged, request.facts, nowMs)
  if (answer === 'forward') return null
  if (answer === 'not-modified') {
    const fields = withOwnTag(notModifiedFields(tagged), head)
    return { kind: 'not-modified', status: 304, fields, pieces: [] }
  }
  if (head.isPartial !== null) return planPart(head, request)
  return planRanges(head, bodyLength, request) ?? planWhole(head, bodyLength, request.method)
}

/** Bytes of the stored body that the plan sends. */
export function bytesOf({ pieces }: AnswerPlan, bodyLength: number): number {
  let bytes = 0
  for (const piece of pieces) {
    if (piece === 'body') bytes += bodyLength
    else if ('start' in piece) bytes += piece.end - piece.start + 1
  }
  return bytes
}

function planWhole(head: CachedHead, bodyLength: number, method: string): AnswerPlan {
  const fields = withOwnTag(withoutFields(head.headers, lengthField), head)
  // RFC 9110 §8.6: a 204 has no length.
  if (head.status !== 204) fields.push('Content-Length', String(bodyLength))
  const pieces: Piece[] = method === 'HEAD' || bodyLength === 0 ? [] : ['body']
  return { kind: 'whole', status: head.status, fields, pieces }
}

const tagField: ReadonlySet<string> = new Set(['etag'])
const lengthField: ReadonlySet<string> = new Set(['content-length'])

/** RFC 9110 §14.2: Range means something for GET only, and for a 200. */
function planRanges(head: CachedHead, bodyLength: number, request: PlanRequest): AnswerPlan | null {
  const { method, facts } = request
  if (facts.range === null || method !== 'GET' || head.status !== 200) return null
  if (!isRangeWanted(facts.ifRange, head)) return null
  const decision = decideRanges(facts.range, bodyLength)
  if (decision.kind === 'whole') return null
  const headers = withOwnTag(head.headers, head)
  if (decision.kind === 'unsatisfiable') {
    const fields = withoutFields(headers, describingContent)
    fields.push('Content-Range', unsatisfiedContentRange(bodyLength), 'Content-Length', '0')
    return { kind: 'unsatisfiable', status: 416, fields, pieces: [] }
  }
  const [first] = decision.ranges
  if (decision.ranges.length === 1 && first !== undefined) return planSingle(headers, first, bodyLength, first)
  return planSeveral(headers, decision.ranges, bodyLength, newBoundary())
}

/** What is about the content that a 416 does not have; validators and lifetimes go with it. */
const describingContent: ReadonlySet<string> = new Set([
  ...['content-length', 'content-type', 'content-encoding', 'content-language', 'content-disposition', 'content-md5'],
  ...['content-digest', 'repr-digest', 'digest', 'etag', 'last-modified', 'cache-control', 'expires'],
])

function planSingle(headers: readonly string[], range: ByteRange, total: number, stored: ByteRange): AnswerPlan {
  const fields = singlePartFields(headers, range, total)
  return { kind: 'range', status: 206, fields, pieces: [{ start: stored.first, end: stored.last }] }
}

function planSeveral(
  headers: readonly string[],
  ranges: readonly ByteRange[],
  total: number,
  boundary: string,
): AnswerPlan {
  const contentType = firstValue(headers, 'content-type')
  const { fields, heads, end } = planMultipart(headers, ranges, { total, boundary, contentType })
  const pieces = ranges.flatMap((range, i): Piece[] => [
    { text: heads[i] ?? '' },
    { start: range.first, end: range.last },
  ])
  return { kind: 'ranges', status: 206, fields, pieces: [...pieces, { text: end }] }
}

/** A stored part answers a range that lies within it, where the length of the whole is known. */
function planPart(head: CachedHead, { method, facts }: PlanRequest): AnswerPlan | null {
  const span = head.isPartial
  if (span === null || span.total === null || method !== 'GET') return null
  if (!isRangeWanted(facts.ifRange, head)) return null
  const range = rangeWithin(facts.range, span)
  if (range === null) return null
  const stored = { first: range.first - span.first, last: range.last - span.first }
  return planSingle(head.headers, range, span.total, stored)
}

function withOwnTag(fields: readonly string[], head: CachedHead): string[] {
  if (head.etag !== null || head.ownTag === null) return [...fields]
  // A tag that cannot be read is none.
  return [...withoutFields(fields, tagField), 'ETag', head.ownTag]
}
