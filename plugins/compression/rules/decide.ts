/**
 * Whether an answer is encoded and with which coding. Pure, with its reason: the same word is the label of a signal, the
 * field of the log and the line that `explain` prints.
 */
import { type AnswerFields, isPlain } from './answer-fields.ts'
import type { TypeVerdict } from './content-type.ts'
import type { Coding, ContentClass, LevelMap, SkipReason } from './types.ts'

export interface AnswerQuestion {
  readonly method: string
  readonly status: number
  readonly fields: AnswerFields
  /** Announced length of the body, null when it is not known. */
  readonly length: number | null
  /** Fields are to follow the body, which only an answer that nobody changes can carry. */
  readonly hasTrailers: boolean
  readonly request: RequestWishes
}

/** What the request says about encoding its answer. */
export interface RequestWishes {
  /** Result of the negotiation: a coding, `identity`, or null when nothing is acceptable. */
  readonly coding: string | null
  readonly isRange: boolean
  /** RFC 9111 §5.2.1.6 */
  readonly noTransform: boolean
}

export interface AnswerRules {
  readonly minSize: number
  readonly levelMap: LevelMap
  readonly judge: (contentType: string | null) => TypeVerdict
}

export type AnswerDecision =
  | { readonly encode: true; readonly coding: Coding; readonly contentClass: ContentClass }
  | {
      readonly encode: false
      readonly reason: SkipReason
      /** Another Accept-Encoding would have brought other bytes: the answer says so in Vary (RFC 9110 §12.5.5). */
      readonly isNegotiable: boolean
      /** What a GET would bring, for the head of a HEAD. */
      readonly coding: Coding | null
    }

export function decideAnswer(question: AnswerQuestion, rules: AnswerRules): AnswerDecision {
  const fixed = fixedReason(question, rules)
  if (typeof fixed === 'string') return skip(fixed, false)
  const { method, status, request } = question
  if (status === 206 || question.fields.contentRange || request.isRange) return skip('range', true)
  if (request.noTransform) return skip('no-transform', true)
  // RFC 9110 §12.5.3: where nothing is acceptable the answer may go out plain; 406 would help nobody.
  if (request.coding === null || request.coding === 'identity') return skip('not-accepted', true)
  const coding = request.coding as Coding
  if (method === 'HEAD') return { encode: false, reason: 'method', isNegotiable: true, coding }
  return { encode: true, coding, contentClass: fixed.contentClass }
}

function skip(reason: SkipReason, isNegotiable: boolean): AnswerDecision {
  return { encode: false, reason, isNegotiable, coding: null }
}

/** What holds for every client alike: then nothing is negotiated. */
function fixedReason(
  { status, fields, length, hasTrailers, method }: AnswerQuestion,
  { minSize, levelMap, judge }: AnswerRules,
): SkipReason | { readonly contentClass: ContentClass } {
  if (status < 200 || status === 204 || status === 205 || status === 304) return 'status'
  if (method === 'CONNECT') return 'method'
  if (!isPlain(fields.contentEncoding)) return 'origin-encoded'
  // RFC 9110 §7.7, RFC 9111 §5.2.2.6
  if (fields.noTransform) return 'no-transform'
  const verdict = judge(fields.contentType)
  if (!verdict.compressible) return verdict.reason
  if (levelMap[verdict.contentClass] === 0) return 'level'
  if (fields.unbuffered) return 'unbuffered'
  if (hasTrailers) return 'trailers'
  // The length of a part says nothing about the whole.
  if (length !== null && length < minSize && status !== 206) return 'small'
  return { contentClass: verdict.contentClass }
}
