/**
 * Whether an answer that its origin has encoded is decoded, for a client that cannot take the coding (RFC 9110 §12.5.3).
 * Pure, with its reason.
 */
import type { AnswerFields } from './answer-fields.ts'
import { asDecodable, codingsOf, type Decodable } from './types.ts'

export interface DecodingQuestion {
  readonly status: number
  readonly fields: AnswerFields
  readonly hasTrailers: boolean
  /** Accept-Encoding of the request; without it every coding is acceptable, and the answer stays as it is. */
  readonly accept: string | undefined
  /** RFC 9111 §5.2.1.6 */
  readonly noTransform: boolean
  /** No further decoder may start. */
  readonly isFull: boolean
}

export type DecodingDecision =
  /** `codings` in the order in which they were applied. */
  | { readonly decode: true; readonly codings: readonly Decodable[]; readonly reason: 'decoded' }
  | {
      readonly decode: false
      readonly reason: 'status' | 'range' | 'no-transform' | 'coding' | 'trailers' | 'acceptable' | 'busy'
      /** Another client would get other bytes: the answer says so in Vary (RFC 9110 §12.5.5). */
      readonly isNegotiable: boolean
    }

/** `needsPlain` tells of a value of Accept-Encoding whether it rules a coding out, and plain bytes not. */
export function decideDecoding(
  question: DecodingQuestion,
  needsPlain: (accept: string | undefined, coding: string) => boolean,
): DecodingDecision {
  const { status, fields, hasTrailers, accept } = question
  if (status < 200 || status === 204 || status === 205 || status === 304) return leave('status')
  // A part of coded bytes is nothing by itself.
  if (status === 206 || fields.contentRange) return leave('range')
  // RFC 9110 §7.7
  if (fields.noTransform) return leave('no-transform')
  const codings = asDecodable(codingsOf(fields.contentEncoding))
  if (codings === null) return leave('coding')
  if (hasTrailers) return leave('trailers')
  if (!codings.some(coding => needsPlain(accept, coding))) return leave('acceptable', true)
  if (question.noTransform) return leave('no-transform', true)
  if (question.isFull) return leave('busy', true)
  return { decode: true, codings, reason: 'decoded' }
}

function leave(reason: Extract<DecodingDecision, { decode: false }>['reason'], isNegotiable = false): DecodingDecision {
  return { decode: false, reason, isNegotiable }
}
