/**
 * What a reader whose conditions or range were taken off the fill gets of the answer that comes: all of it, 304, or the
 * one range it asked for (RFC 9111 §4.3.2, RFC 9110 §14).
 */
import { withoutFields } from '../rules/fields.ts'
import { decideRanges, singlePartFields, unsatisfiedContentRange } from '../rules/ranges.ts'
import type { RequestFacts } from '../rules/request-facts.ts'
import type { StoredHead } from '../rules/types.ts'
import { decideConditions, isRangeWanted, notModifiedFields } from '../rules/validation.ts'
import type { ReaderHead } from './fill-reader.ts'

export type FillHead = Pick<
  StoredHead,
  'status' | 'headers' | 'etag' | 'lastModified' | 'lastModifiedMs' | 'dateMs'
> & {
  /** Null = the origin did not say. */
  readonly bodyLength: number | null
}

const whole = { start: 0, end: Number.POSITIVE_INFINITY }
const nothing = { start: 0, end: 0 }

export function readerHead(head: FillHead, facts: RequestFacts, message: string, nowMs: number): ReaderHead {
  const { status, bodyLength } = head
  if (decideConditions(head, facts, nowMs).answer === 'not-modified') {
    return { status: 304, fields: notModifiedFields(head), message: '', ...nothing }
  }
  const isRange = facts.range !== null && status === 200 && bodyLength !== null && isRangeWanted(facts.ifRange, head)
  const decision = isRange ? decideRanges(facts.range, bodyLength) : null
  if (decision?.kind === 'unsatisfiable' && bodyLength !== null) {
    const fields = withoutFields(head.headers, ofContent)
    fields.push('Content-Range', unsatisfiedContentRange(bodyLength), 'Content-Length', '0')
    return { status: 416, fields, message: '', ...nothing }
  }
  const [range] = decision?.kind === 'ranges' ? decision.ranges : []
  // Several ranges of an answer that is still arriving: RFC 9110 §14.2 lets the whole be sent.
  if (decision?.kind !== 'ranges' || decision.ranges.length > 1 || range === undefined || bodyLength === null) {
    return { status, fields: withLength(head), message, ...whole }
  }
  const fields = singlePartFields(head.headers, range, bodyLength)
  return { status: 206, fields, message: '', start: range.first, end: range.last + 1 }
}

const ofContent: ReadonlySet<string> = new Set([
  ...['content-length', 'content-type', 'content-encoding', 'content-language', 'content-disposition'],
  ...['etag', 'last-modified', 'cache-control', 'expires', 'content-md5', 'content-digest', 'repr-digest', 'digest'],
])
const lengthField: ReadonlySet<string> = new Set(['content-length'])

function withLength({ headers, bodyLength, status }: FillHead): string[] {
  const fields = withoutFields(headers, lengthField)
  if (bodyLength !== null && status !== 204) fields.push('Content-Length', String(bodyLength))
  return fields
}
