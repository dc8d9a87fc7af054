/**
 * What a stored answer becomes for one request: whole, 304, a range, several, or 416 (RFC 9110 §13, §14; RFC 9111 §4.3.2).
 * Pure save for the boundary of several parts; the pieces say which bytes of the stored body go out.
 */
import type { CachedHead } from '../passage.ts'
import { equalWeakly, parseEntityTag, parseTagList } from '../rules/entity-tag.ts'
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
import { codedFields, tagOfForm, withVary } from '../variants/coded-fields.ts'
import type { Choice } from '../variants/negotiate.ts'
import { newBoundary } from './boundary.ts'

/** A text of the answer's own, or bytes `start` to `end` (both included) of the stored body. */
export type Piece = { readonly text: string } | { readonly start: number; readonly end: number } | 'body'

export interface AnswerPlan {
  readonly kind: 'whole' | 'not-modified' | 'range' | 'ranges' | 'unsatisfiable'
  readonly status: number
  /** Flat, with Content-Length where the answer has one. */
  readonly fields: readonly string[]
  readonly pieces: readonly Piece[]
  /** The pieces are of the coded form that was chosen, and not of the stored body. */
  readonly isCoded: boolean
}

export interface PlanRequest {
  readonly method: string
  readonly facts: RequestFacts
  /** The form that was negotiated; null where nothing is negotiable about the answer. */
  readonly choice: Choice | null
}

/** `bodyLength` is that of the stored body. Null: only the origin can answer this. */
export function planAnswer(
  head: CachedHead,
  bodyLength: number,
  request: PlanRequest,
  nowMs: number,
): AnswerPlan | null {
  const tagged = head.etag === null && head.ownTag !== null ? { ...head, etag: head.ownTag } : head
  const { choice } = request
  const { answer } = decideConditions(tagged, request.facts, nowMs)
  if (answer === 'forward') return null
  if (choice !== null && tagged.etag !== null && request.facts.ifNoneMatch !== null) {
    const known = knownTag(request.facts.ifNoneMatch, tagged.etag, choice)
    return known === null ? planWholeOrRange(head, bodyLength, request) : planNotModified(head, tagged, known)
  }
  if (answer === 'not-modified') {
    return planNotModified(head, tagged, choice === null ? 'as-stored' : tagOf(tagged.etag, choice))
  }
  return head.isPartial === null ? planWholeOrRange(head, bodyLength, request) : planPart(head, request)
}

function planWholeOrRange(head: CachedHead, bodyLength: number, request: PlanRequest): AnswerPlan {
  return planRanges(head, bodyLength, request) ?? planWhole(head, bodyLength, request)
}

/** The tag of the form that the request gets. */
function tagOf(etag: string | null, { coding }: Choice): string | null {
  return etag === null || coding === null ? etag : tagOfForm(etag, coding)
}

/**
 * The tag in If-None-Match of a form that the client could be given: of the one that was chosen for it, else of another
 * one that it accepts, which it is then told to go on with (RFC 9110 §12.1: what is chosen is the server's to say).
 */
function knownTag(ifNoneMatch: string | null, etag: string, choice: Choice): string | null {
  if (ifNoneMatch === null) return null
  const wanted = parseTagList(ifNoneMatch)
  const chosen = tagOf(etag, choice)
  if (wanted === '*') return chosen
  for (const coding of [choice.coding, ...choice.accepted]) {
    const tag = coding === null ? etag : tagOfForm(etag, coding)
    const parsed = parseEntityTag(tag)
    if (parsed !== null && wanted.some(each => equalWeakly(each, parsed))) return tag
  }
  return null
}

/** `tag` is that of the form which has not been modified, `as-stored` where nothing is negotiable. */
function planNotModified(head: CachedHead, tagged: CachedHead, tag: string | null): AnswerPlan {
  const kept = withOwnTag(notModifiedFields(tagged), head)
  const fields = tag === 'as-stored' ? kept : withTag(withVary(kept), tag)
  return { kind: 'not-modified', status: 304, fields, pieces: [], isCoded: false }
}

function withTag(fields: readonly string[], tag: string | null): string[] {
  return tag === null ? [...fields] : [...withoutFields(fields, tagField), 'ETag', tag]
}

/** The coding of the form that the answer sends, or names. */
export function codingOf({ kind, isCoded }: AnswerPlan, choice: Choice | null): string | null {
  return isCoded || kind === 'not-modified' ? (choice?.coding ?? null) : null
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

function planWhole(head: CachedHead, bodyLength: number, { method, choice }: PlanRequest): AnswerPlan {
  const coding = choice?.coding ?? null
  const length = coding === null || choice === null ? bodyLength : choice.entry.bodyLength
  const fields = wholeFields(head, choice)
  // RFC 9110 §8.6: a 204 has no length.
  if (head.status !== 204) fields.push('Content-Length', String(length))
  const pieces: Piece[] = method === 'HEAD' || length === 0 ? [] : ['body']
  return { kind: 'whole', status: head.status, fields, pieces, isCoded: coding !== null }
}

function wholeFields(head: CachedHead, choice: Choice | null): string[] {
  if (choice !== null && choice.coding !== null) {
    return codedFields(head.headers, choice.coding, head.etag ?? head.ownTag)
  }
  const fields = withOwnTag(withoutFields(head.headers, lengthField), head)
  return choice === null ? fields : withVary(fields)
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
  // Ranges are cut from the stored bytes, whatever coding the client would take: a range of a coded form would have to be
  // of the very bytes that it was given before (RFC 9110 §14.2 lets a server choose).
  const headers = request.choice === null ? withOwnTag(head.headers, head) : withVary(withOwnTag(head.headers, head))
  if (decision.kind === 'unsatisfiable') {
    const fields = withoutFields(headers, describingContent)
    fields.push('Content-Range', unsatisfiedContentRange(bodyLength), 'Content-Length', '0')
    return { kind: 'unsatisfiable', status: 416, fields, pieces: [], isCoded: false }
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
  return { kind: 'range', status: 206, fields, pieces: [{ start: stored.first, end: stored.last }], isCoded: false }
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
  return { kind: 'ranges', status: 206, fields, pieces: [...pieces, { text: end }], isCoded: false }
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
