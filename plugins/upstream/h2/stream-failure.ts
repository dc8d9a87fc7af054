/**
 * What it means for a request that its stream was closed before its answer was whole: the kind of the failure, and
 * whether the origin is proven not to have processed the request (RFC 9113 §5.4, §6.8 and §8.7).
 */
import { constants } from 'node:http2'
import type { FailureKind } from '../errors.ts'

const { NGHTTP2_PROTOCOL_ERROR, NGHTTP2_REFUSED_STREAM } = constants

export interface BrokenStream {
  /** Error code of the RST_STREAM, sent or received; 0 also where the connection ended without one. */
  readonly rstCode: number
  /** Undefined as long as no frame of it was made. */
  readonly id: number | undefined
  /** Of the origin's GOAWAY: streams above it were not and will not be processed. Null without one. */
  readonly lastStreamId: number | null
  /** The final head of the answer was received. */
  readonly hasHead: boolean
  /** Bytes were read from a streamed body: they are gone, so the request cannot be sent again as it was. */
  readonly hasReadBody: boolean
}

export interface StreamFailure {
  readonly kind: FailureKind
  readonly unsent: boolean
  readonly unprocessed: boolean
  readonly reason: string
}

export function decideStreamFailure(stream: BrokenStream): StreamFailure {
  const { rstCode, id, lastStreamId, hasHead, hasReadBody } = stream
  const untouched = (reason: string): StreamFailure => ({
    kind: 'reset',
    unsent: !hasReadBody,
    unprocessed: true,
    reason,
  })
  const begun = { unsent: false, unprocessed: false }
  if (hasHead) return { kind: 'incomplete', ...begun, reason: 'closed in mid-answer' }
  if (id === undefined) return untouched('never opened')
  if (lastStreamId !== null && id > lastStreamId) return untouched('after GOAWAY')
  switch (rstCode) {
    case NGHTTP2_REFUSED_STREAM:
      return untouched('refused')
    case NGHTTP2_PROTOCOL_ERROR:
      return { kind: 'invalid', ...begun, reason: 'malformed' }
    default:
      return { kind: 'reset', ...begun, reason: 'closed before the answer' }
  }
}
