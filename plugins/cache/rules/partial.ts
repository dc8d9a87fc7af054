/**
 * Partial answers in the store (RFC 9111 §3.3, §3.4): which 206 may be kept, what it can answer, and when two of them
 * are pieces of the same bytes.
 */
import type { AnswerFacts } from './answer-facts.ts'
import { isMediaType } from './content-type.ts'
import { equalStrongly, parseEntityTag } from './entity-tag.ts'
import { wholeNumber } from './fields.ts'
import { type ByteRange, decideRanges } from './ranges.ts'
import type { ByteSpan, RouteCacheSettings, StoredHead } from './types.ts'

export type PartRefusal = 'partial' | 'partial-unasked' | 'partial-multipart' | 'partial-malformed' | 'too-large'

export type PartDecision =
  | { readonly store: true; readonly span: ByteSpan | null }
  | { readonly store: false; readonly reason: PartRefusal }

interface PartialAnswer {
  readonly status: number
  /** The request's Range. */
  readonly range: string | null
  readonly answerFacts: AnswerFacts
}

/** Whether a 206 may be stored, and which bytes it says it brings; any other status is a whole answer. */
export function decidePart(
  { status, range, answerFacts }: PartialAnswer,
  settings: Pick<RouteCacheSettings, 'storePartial' | 'maxObjectBytes'>,
): PartDecision {
  if (status !== 206) return { store: true, span: null }
  if (!settings.storePartial) return { store: false, reason: 'partial' }
  if (range === null) return { store: false, reason: 'partial-unasked' }
  if (isMediaType(answerFacts.contentType, 'multipart/byteranges')) return { store: false, reason: 'partial-multipart' }
  const span = parseContentRange(answerFacts.contentRange)
  if (span === null) return { store: false, reason: 'partial-malformed' }
  const length = span.last - span.first + 1
  // The sender does not know itself which bytes these are.
  if (answerFacts.contentLength !== null && answerFacts.contentLength !== length) {
    return { store: false, reason: 'partial-malformed' }
  }
  return length > settings.maxObjectBytes ? { store: false, reason: 'too-large' } : { store: true, span }
}

/** `bytes 0-4/10` or `bytes 0-4/*` (RFC 9110 §14.4), or null. */
export function parseContentRange(value: string | null): ByteSpan | null {
  const text = value?.trim().toLowerCase() ?? ''
  const dash = text.indexOf('-')
  const slash = text.indexOf('/')
  if (!text.startsWith('bytes ') || dash === -1 || slash < dash) return null
  const first = wholeNumber(text.slice(6, dash))
  const last = wholeNumber(text.slice(dash + 1, slash))
  const size = text.slice(slash + 1)
  const total = size === '*' ? null : wholeNumber(size)
  if (first === null || last === null || last < first || last >= Number.MAX_SAFE_INTEGER) return null
  if (size !== '*' && (total === null || last >= total)) return null
  return { first, last, total }
}

/**
 * The one range of the request that a stored part holds entirely, in positions of the whole representation; null when it
 * cannot answer. The part's own offset is `first - span.first`.
 */
export function rangeWithin(range: string | null, span: ByteSpan): ByteRange | null {
  // Without a total nobody knows where a suffix begins, or whether the end has been reached.
  const isOpen = span.total === null && !isClosedRange(range)
  if (range === null || isOpen) return null
  const decision = decideRanges(range, span.total ?? Number.MAX_SAFE_INTEGER)
  if (decision.kind !== 'ranges' || decision.ranges.length !== 1) return null
  const [wanted] = decision.ranges
  return wanted!.first >= span.first && wanted!.last <= span.last ? wanted! : null
}

/** `bytes=0-4`: both ends are said. */
function isClosedRange(range: string | null): boolean {
  const equals = range?.indexOf('=') ?? -1
  const spec = range?.slice(equals + 1).trim() ?? ''
  return equals !== -1 && !spec.startsWith('-') && !spec.endsWith('-')
}

/** RFC 9111 §3.4: both parts share a strong entity tag, and leave no gap. The span they make together, or null. */
export function combinedSpan(
  stored: Pick<StoredHead, 'etag' | 'isPartial'>,
  answer: { readonly etag: string | null; readonly span: ByteSpan },
): ByteSpan | null {
  const { isPartial: span } = stored
  if (span === null || !isSameStrong(stored.etag, answer.etag)) return null
  if (span.total !== null && answer.span.total !== null && span.total !== answer.span.total) return null
  if (answer.span.first > span.last + 1 || span.first > answer.span.last + 1) return null
  return {
    first: Math.min(span.first, answer.span.first),
    last: Math.max(span.last, answer.span.last),
    total: span.total ?? answer.span.total,
  }
}

function isSameStrong(a: string | null, b: string | null): boolean {
  const first = a === null ? null : parseEntityTag(a)
  const second = b === null ? null : parseEntityTag(b)
  return first !== null && second !== null && equalStrongly(first, second)
}

/** True when a span that was put together holds the whole representation. */
export function isWhole(span: ByteSpan): boolean {
  return span.first === 0 && span.total !== null && span.last === span.total - 1
}

/**
 * The fields that ask for what a stored part lacks (RFC 9111 §3.4, RFC 9110 §13.1.5): null without a strong entity tag,
 * a known total, or when both ends are missing.
 */
export function completionFields(stored: Pick<StoredHead, 'etag' | 'isPartial'>): string[] | null {
  const { isPartial: span, etag } = stored
  if (span === null || span.total === null || etag === null || !isSameStrong(etag, etag)) return null
  if (span.first === 0 && span.last < span.total - 1) return ['Range', `bytes=${span.last + 1}-`, 'If-Range', etag]
  if (span.first > 0 && span.last === span.total - 1) return ['Range', `bytes=0-${span.first - 1}`, 'If-Range', etag]
  return null
}
