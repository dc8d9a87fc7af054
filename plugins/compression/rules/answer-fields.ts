/**
 * The fields of an answer's head that the decision is made from, read in one pass.
 */
import { isNamed } from '../../contract/index.ts'

export interface AnswerFields {
  contentType: string | null
  contentEncoding: string | null
  contentRange: boolean
  noTransform: boolean
  /** X-Accel-Buffering: no, by which an origin asks proxies to pass every byte at once. */
  unbuffered: boolean
  /** The codings that the resource reads in requests (RFC 9110 §12.5.3). */
  acceptEncoding: string | null
}

/** `fields` is flat, `[name, value, …]`. Most lines are told apart by their length alone. */
export function readAnswerFields(fields: readonly string[]): AnswerFields {
  const read: AnswerFields = {
    contentType: null,
    contentEncoding: null,
    contentRange: false,
    noTransform: false,
    unbuffered: false,
    acceptEncoding: null,
  }
  for (let i = 0; i + 1 < fields.length; i += 2) readLine(read, fields[i] as string, fields[i + 1] as string)
  return read
}

function readLine(read: AnswerFields, name: string, value: string): void {
  switch (name.length) {
    case 12:
      if (isNamed(name, 'content-type')) read.contentType = value
      return
    case 13:
      if (isNamed(name, 'content-range')) read.contentRange = true
      else if (isNamed(name, 'cache-control') && hasDirective(value, 'no-transform')) read.noTransform = true
      return
    case 15:
      if (isNamed(name, 'accept-encoding')) read.acceptEncoding = joined(read.acceptEncoding, value)
      return
    case 16:
      if (isNamed(name, 'content-encoding')) read.contentEncoding = joined(read.contentEncoding, value)
      return
    case 17:
      if (isNamed(name, 'x-accel-buffering')) read.unbuffered = value.trim().toLowerCase() === 'no'
      return
    default:
  }
}

function joined(before: string | null, value: string): string {
  return before === null ? value : `${before}, ${value}`
}

/** Whether a list of directives has one; what stands in quotes is no directive. */
export function hasDirective(value: string, directive: string): boolean {
  if (!value.toLowerCase().includes(directive)) return false
  const bare = value.replace(/"(?:[^"\\]|\\.)*"/g, '""')
  return bare.split(',').some(member => member.trim().toLowerCase() === directive)
}

/** Whether the coding is none: absent, empty or `identity`. */
export function isPlain(contentEncoding: string | null): boolean {
  if (contentEncoding === null) return true
  const text = contentEncoding.trim().toLowerCase()
  return text === '' || text === 'identity'
}
