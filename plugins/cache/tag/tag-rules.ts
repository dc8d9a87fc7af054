/**
 * Whether an answer gets a weak entity tag made from its bytes, so that a second visit costs no body (RFC 9110 §8.8.3).
 * Only answers that a client could keep and that come with no validator of their own.
 */
import { isEndless } from '../../contract/index.ts'
import type { AnswerFacts } from '../rules/answer-facts.ts'
import { isMediaType } from '../rules/content-type.ts'

/** Longest body that is held back to be tagged. */
export const MOST_TAGGED_BYTES = 4 * 1024 * 1024
/** How long an answer of unknown length may be held back: a page that drips is not delayed. */
export const HOLD_UNKNOWN_MS = 50
/** The same for an announced length: time for a slow disk, not for a slow script. */
export const HOLD_ANNOUNCED_MS = 200

export type TagRefusal = 'method' | 'status' | 'has-validator' | 'no-store' | 'stream' | 'too-large' | 'partial'

export type TagDecision =
  | { readonly tag: true; readonly holdMs: number }
  | { readonly tag: false; readonly reason: TagRefusal }

export interface TagFacts {
  readonly method: string
  readonly status: number
  /** The client asked for a range. */
  readonly hasRange: boolean
  readonly answer: Pick<
    AnswerFacts,
    'etag' | 'lastModified' | 'directives' | 'contentType' | 'contentLength' | 'contentRange'
  >
}

export function decideTag({ method, status, hasRange, answer }: TagFacts): TagDecision {
  if (method !== 'GET') return { tag: false, reason: 'method' }
  if (status !== 200) return { tag: false, reason: 'status' }
  if (hasRange || answer.contentRange !== null) return { tag: false, reason: 'partial' }
  if (answer.etag !== null || answer.lastModified !== null) return { tag: false, reason: 'has-validator' }
  if (answer.directives.noStore) return { tag: false, reason: 'no-store' }
  if (comesInPieces(answer.contentType)) return { tag: false, reason: 'stream' }
  const { contentLength } = answer
  if (contentLength === null) return { tag: true, holdMs: HOLD_UNKNOWN_MS }
  return contentLength <= MOST_TAGGED_BYTES
    ? { tag: true, holdMs: HOLD_ANNOUNCED_MS }
    : { tag: false, reason: 'too-large' }
}

/** Types that come in pieces, most of them for as long as somebody listens. */
function comesInPieces(contentType: string | null): boolean {
  if (contentType === null) return false
  const lower = contentType.trimStart().toLowerCase()
  return (
    isEndless(lower) ||
    inPieces.some(type => isMediaType(lower, type)) ||
    families.some(family => lower.startsWith(family))
  )
}

const families = ['application/grpc', 'video/', 'audio/']
const inPieces = ['application/x-ndjson', 'application/jsonl', 'application/stream+json']
