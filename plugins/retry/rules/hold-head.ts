/**
 * How long the head of an answer is kept from the client, so that an answer that breaks off right behind it can still be
 * asked for again. Pure, over the raw head.
 */
import { isEndless, isNamed } from '../../contract/index.ts'

/** Longest time that a head is held, in ms. */
export const HOLD_MS = 20
/** Answers up to this size are held until they are whole, within `HOLD_MS`. */
export const MAX_WHOLE_BYTES = 65_536

/**
 * `none`: goes on at once; `first-byte`: until a byte of the body is there; `whole`: until all `bytes` are.
 */
export type HeadHold =
  | { readonly until: 'none'; readonly reason: 'event-stream' | 'no-body' | 'status' }
  | { readonly until: 'first-byte'; readonly reason: 'large' | 'length-unknown' }
  | { readonly until: 'whole'; readonly reason: 'small'; readonly bytes: number }

const eventStream: HeadHold = { until: 'none', reason: 'event-stream' }
const noBody: HeadHold = { until: 'none', reason: 'no-body' }
const otherStatus: HeadHold = { until: 'none', reason: 'status' }
const large: HeadHold = { until: 'first-byte', reason: 'large' }
const unknown: HeadHold = { until: 'first-byte', reason: 'length-unknown' }

/** Beside what is endless, what comes line by line: the first byte may be long in coming. */
const LINES = 'application/x-ndjson'

export function decideHold(method: string, status: number, rawHeaders: readonly string[]): HeadHold {
  // RFC 9110 §6.4.1: the head is all there is.
  if (method === 'HEAD' || status === 204 || status === 304) return noBody
  if (status >= 300) return otherStatus
  let length: number | null = null
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (isNamed(name, 'content-length')) length = Number(rawHeaders[i + 1])
    else if (isNamed(name, 'content-type') && isStreamed(rawHeaders[i + 1] as string)) return eventStream
  }
  if (length === null || Number.isNaN(length)) return unknown
  if (length === 0) return noBody
  return length <= MAX_WHOLE_BYTES ? { until: 'whole', reason: 'small', bytes: length } : large
}

function isStreamed(type: string): boolean {
  return isEndless(type) || isNamed(type.slice(0, LINES.length), LINES)
}
