/**
 * Conditional requests (RFC 9110 §13, RFC 9111 §4.3): what asks the origin whether a stored answer still holds, and what
 * a client's own conditions get out of one that does.
 */
import { DECODED, equalStrongly, equalWeakly, parseEntityTag, parseTagList, tagListForOrigin } from './entity-tag.ts'
import { withoutFields } from './fields.ts'
import { parseHttpDate } from './http-date.ts'
import type { RequestFacts } from './request-facts.ts'
import type { StoredHead } from './types.ts'
import { takesCoding } from './vary.ts'

/**
 * Fields that a request for revalidation carries (RFC 9111 §4.3.1); empty when the answer has no
 * validator. Only for the variant that matches the request: another one's tag would be asking about another answer.
 */
export function conditionalFields(stored: Pick<StoredHead, 'etag' | 'lastModified'>): string[] {
  const fields: string[] = []
  if (stored.etag !== null) fields.push('If-None-Match', stored.etag)
  if (stored.lastModified !== null) fields.push('If-Modified-Since', stored.lastModified)
  return fields
}

export type ConditionReason =
  | 'unconditional'
  | 'if-match'
  | 'if-unmodified-since'
  | 'status'
  | 'if-none-match'
  | 'if-none-match-failed'
  | 'if-modified-since'
  | 'if-modified-since-failed'

export interface ConditionDecision {
  /** `forward`: only the origin can answer this. */
  readonly answer: 'whole' | 'not-modified' | 'forward'
  readonly reason: ConditionReason
}

type ConditionFacts = Pick<
  RequestFacts,
  'ifMatch' | 'ifUnmodifiedSince' | 'ifNoneMatch' | 'ifModifiedSince' | 'acceptEncoding'
>
type Validators = Pick<StoredHead, 'status' | 'etag' | 'lastModifiedMs' | 'dateMs'>

/** The precedence of RFC 9110 §13.2.2 for GET and HEAD, as far as it is a cache's to decide (RFC 9111 §4.3.2). */
export function decideConditions(stored: Validators, request: ConditionFacts, nowMs: number): ConditionDecision {
  // RFC 9111 §4.3.2: these two are not applicable to a cache.
  if (request.ifMatch !== null) return { answer: 'forward', reason: 'if-match' }
  if (request.ifUnmodifiedSince !== null) return { answer: 'forward', reason: 'if-unmodified-since' }
  if (request.ifNoneMatch === null && request.ifModifiedSince === null) {
    return { answer: 'whole', reason: 'unconditional' }
  }
  // RFC 9110 §13.2.1: conditions count where the answer would be a success.
  if (stored.status < 200 || stored.status > 299) return { answer: 'whole', reason: 'status' }
  if (request.ifNoneMatch !== null) {
    // What is stored has the origin's tag; the client may have been given a marked one.
    const isTaken = (coding: string) => coding === DECODED || takesCoding(request.acceptEncoding, coding)
    return matchesWeakly(tagListForOrigin(request.ifNoneMatch, isTaken), stored.etag)
      ? { answer: 'not-modified', reason: 'if-none-match' }
      : { answer: 'whole', reason: 'if-none-match-failed' }
  }
  return isUnmodifiedSince(request.ifModifiedSince!, stored, nowMs)
    ? { answer: 'not-modified', reason: 'if-modified-since' }
    : { answer: 'whole', reason: 'if-modified-since-failed' }
}

/** If-None-Match (RFC 9110 §13.1.2): weak comparison, `*` for anything that exists. */
export function matchesWeakly(list: string, etag: string | null): boolean {
  const wanted = parseTagList(list)
  if (wanted === '*') return true
  const own = etag === null ? null : parseEntityTag(etag)
  return own !== null && wanted.some(each => equalWeakly(each, own))
}

/** If-Match (RFC 9110 §13.1.1): strong comparison; for who answers for the resource itself. */
export function matchesStrongly(list: string, etag: string | null): boolean {
  const wanted = parseTagList(list)
  if (wanted === '*') return true
  const own = etag === null ? null : parseEntityTag(etag)
  return own !== null && wanted.some(each => equalStrongly(each, own))
}

/** RFC 9111 §4.3.2: Last-Modified, or where there is none Date or the time of arrival, is not after the client's date. */
function isUnmodifiedSince(value: string, stored: Validators, nowMs: number): boolean {
  const since = parseHttpDate(value.trim(), nowMs)
  return since !== null && (stored.lastModifiedMs ?? stored.dateMs) <= since
}

/**
 * If-Range (RFC 9110 §13.1.5): true when Range is to be followed, that is without If-Range or when its validator is
 * strong and is exactly the stored one.
 */
export function isRangeWanted(
  ifRange: string | null,
  stored: Pick<StoredHead, 'etag' | 'lastModified' | 'lastModifiedMs' | 'dateMs'>,
): boolean {
  if (ifRange === null) return true
  const text = ifRange.trim()
  if (text.startsWith('"') || text.startsWith('W/')) {
    const wanted = parseEntityTag(text)
    const own = stored.etag === null ? null : parseEntityTag(stored.etag)
    return wanted !== null && own !== null && equalStrongly(wanted, own)
  }
  // RFC 9110 §8.8.2.2: a date is strong when what it names cannot have changed twice in its second.
  const isStrong = stored.lastModifiedMs !== null && stored.dateMs - stored.lastModifiedMs >= 1000
  return isStrong && text === stored.lastModified?.trim()
}

/** What describes the content, which a 304 does not have (RFC 9110 §15.4.5). */
const contentFields = new Set([
  ...['content-type', 'content-length', 'content-encoding', 'content-language', 'content-range', 'content-md5'],
  ...['content-digest', 'repr-digest', 'digest', 'accept-ranges'],
])
const contentFieldsAndDate = new Set([...contentFields, 'last-modified'])

/** Fields of a 304 made of a stored answer. */
export function notModifiedFields(stored: Pick<StoredHead, 'headers' | 'etag'>): string[] {
  return withoutFields(stored.headers, stored.etag === null ? contentFields : contentFieldsAndDate)
}
