/**
 * Decides where the body of an answer ends (RFC 9112 §6.3) and whether its connection can carry another request
 * (RFC 9112 §9.3). An answer whose end can be read in two ways is refused: that is how answers get swapped.
 */
import { isNamed } from '../../contract/index.ts'
import { parseDecimal } from './characters.ts'

/** The fields of a head that decide about framing and reuse; several lines are joined with ", ". */
export interface ConnectionFields {
  contentLength: string | null
  transferEncoding: string | null
  connection: string | null
  keepAlive: string | null
}

/** How the body of an answer ends. `length` is in bytes and only meant for body `length`. */
export type Framing =
  | { readonly body: 'none' | 'length' | 'chunked' | 'untilClose'; readonly length: number; readonly reason: string }
  | { readonly body: 'invalid'; readonly length: 0; readonly reason: string }

const toHead: Framing = { body: 'none', length: 0, reason: 'answer to HEAD' }
const byStatus: Framing = { body: 'none', length: 0, reason: 'a status without a body' }
const chunked: Framing = { body: 'chunked', length: 0, reason: 'chunked' }
const untilClose: Framing = { body: 'untilClose', length: 0, reason: 'no length is given' }

/** Picks the fields out of flat header lines. */
export function readConnectionFields(headers: readonly string[]): ConnectionFields {
  const fields: ConnectionFields = { contentLength: null, transferEncoding: null, connection: null, keepAlive: null }
  for (let i = 0; i < headers.length; i += 2) {
    const key = fieldKey(headers[i] as string)
    if (key === null) continue
    const value = headers[i + 1] as string
    const known = fields[key]
    fields[key] = known === null ? value : `${known}, ${value}`
  }
  return fields
}

/** The length of the name is asked first, so that most names need no comparison. */
function fieldKey(name: string): keyof ConnectionFields | null {
  switch (name.length) {
    case 10:
      return isNamed(name, 'connection') ? 'connection' : isNamed(name, 'keep-alive') ? 'keepAlive' : null
    case 14:
      return isNamed(name, 'content-length') ? 'contentLength' : null
    case 17:
      return isNamed(name, 'transfer-encoding') ? 'transferEncoding' : null
    default:
      return null
  }
}

/** The list of RFC 9112 §6.3, in its order; `minor` is the minor version of the answer. */
export function decideFraming(method: string, status: number, minor: 0 | 1, fields: ConnectionFields): Framing {
  if (method === 'HEAD') return toHead
  if (status < 200 || status === 204 || status === 304) return byStatus
  const { contentLength, transferEncoding } = fields
  if (transferEncoding !== null) return decideCoding(minor, transferEncoding, contentLength)
  if (contentLength === null) return untilClose
  const length = parseContentLength(contentLength)
  if (length === null) return refuse('bad Content-Length')
  return { body: 'length', length, reason: 'Content-Length' }
}

/** `chunked` is the only coding, with nothing beside it that could be read as the end of the body instead. */
function decideCoding(minor: 0 | 1, transferEncoding: string, contentLength: string | null): Framing {
  if (minor === 0) return refuse('Transfer-Encoding in HTTP/1.0')
  if (contentLength !== null) return refuse('Transfer-Encoding and Content-Length')
  return transferEncoding.toLowerCase() === 'chunked' ? chunked : refuse('a transfer coding other than chunked')
}

/** Bytes by Content-Length; equal repetitions count once (RFC 9110 §8.6), null for anything that is not one number. */
export function parseContentLength(value: string): number | null {
  if (!value.includes(',')) return parseDecimal(value)
  const members = value.split(',').map(member => member.trim())
  return members.every(member => member === members[0]) ? parseDecimal(members[0] as string) : null
}

/**
 * Whether an origin that sends content with its answer to HEAD, which RFC 9110 §9.3.2 forbids and some apps do, would
 * send any: those bytes would be read as the answer to the next request, so there must not be one.
 */
export function mayBeFollowed(framing: Framing, { contentLength, transferEncoding }: ConnectionFields): boolean {
  if (framing === toHead)
    return transferEncoding === null && (contentLength === null || parseContentLength(contentLength) === 0)
  return framing.body !== 'untilClose'
}

/** Whether another request may follow on the connection, by what the head says (RFC 9112 §9.3). */
export function isPersistent(minor: 0 | 1, connection: string | null): boolean {
  if (connection === null) return minor === 1
  // As nearly all origins write it.
  if (connection === 'keep-alive') return true
  const options = connection
    .toLowerCase()
    .split(',')
    .map(option => option.trim())
  if (options.includes('close')) return false
  return minor === 1 || options.includes('keep-alive')
}

/** The `timeout` parameter of Keep-Alive in milliseconds (it is written in seconds), null without a readable one. */
export function parseKeepAliveHintMs(keepAlive: string | null): number | null {
  if (keepAlive === null) return null
  for (const parameter of keepAlive.split(',')) {
    const [name, value, rest] = parameter.split('=')
    if (name === undefined || value === undefined || rest !== undefined) continue
    if (name.trim().toLowerCase() !== 'timeout') continue
    const seconds = parseDecimal(value.trim())
    return seconds === null || seconds > MAX_HINT_S ? null : seconds * 1000
  }
  return null
}

/** A year; a longer hint is noise. */
const MAX_HINT_S = 31_536_000

function refuse(reason: string): Framing {
  return { body: 'invalid', length: 0, reason }
}
