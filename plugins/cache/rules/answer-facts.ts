/**
 * What the rules need to know of an origin's answer, read in one pass over its fields; which of Cache-Control and
 * CDN-Cache-Control speaks is settled here (RFC 9213 §2.2).
 */
import { isNamed } from '../../contract/index.ts'
import { type AnswerDirectives, addAnswerLine, emptyAnswerDirectives, hasMember, parseTargeted } from './directives.ts'
import { type EntityTag, parseEntityTag } from './entity-tag.ts'
import { wholeNumber } from './fields.ts'
import { parseHttpDate } from './http-date.ts'

/** Values are null where the answer has no such field, or none that can be read. */
export interface AnswerFacts {
  /** The directives that count: the targeted ones where they are present and valid. */
  directives: AnswerDirectives
  isTargeted: boolean
  /** Cache-Control itself breaks its grammar, whether it counts or not. */
  isMalformed: boolean
  /** The time of Date, or that of arrival. */
  dateMs: number
  hasDate: boolean
  hasExpires: boolean
  /** Null with `hasExpires` means a date that cannot be read: already expired (RFC 9111 §5.3). */
  expiresMs: number | null
  lastModified: string | null
  lastModifiedMs: number | null
  etag: EntityTag | null
  /** RFC 9111 §5.1; 0 where there is none that can be read. */
  ageSeconds: number
  /** All lines of Vary, joined. */
  vary: string | null
  hasSetCookie: boolean
  hasPragmaNoCache: boolean
  contentType: string | null
  /** Null where it is absent; NaN where it is no number. */
  contentLength: number | null
  /** The coding, null for none or identity. */
  contentEncoding: string | null
  contentRange: string | null
  contentLocation: string | null
}

/** The fields that count beside those read at once: of a single one the first line, of a list all of them, joined. */
interface Lines {
  etag: string | null
  date: string | null
  lastModified: string | null
  age: string | null
  vary: string | null
  pragma: string | null
  contentType: string | null
  contentLength: string | null
  contentRange: string | null
  contentLocation: string | null
  contentEncoding: string | null
  targeted: string | null
}

function noLines(): Lines {
  return {
    etag: null,
    date: null,
    lastModified: null,
    age: null,
    vary: null,
    pragma: null,
    contentType: null,
    contentLength: null,
    contentRange: null,
    contentLocation: null,
    contentEncoding: null,
    targeted: null,
  }
}

/** `arrivedMs` is the time at which the head arrived; it stands in for a missing Date. */
export function readAnswerFacts(headers: readonly string[], arrivedMs: number): AnswerFacts {
  const lines = noLines()
  const directives = emptyAnswerDirectives()
  const expires: string[] = []
  let hasSetCookie = false
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]!
    if (isNamed(name, 'cache-control')) addAnswerLine(directives, value)
    else if (isNamed(name, 'expires')) expires.push(value)
    else if (isNamed(name, 'set-cookie')) hasSetCookie = true
    else keepLine(lines, name, value)
  }
  const targeted = lines.targeted ? parseTargeted(lines.targeted) : null
  const dateMs = lines.date ? parseHttpDate(lines.date, arrivedMs) : null
  const lastModifiedMs = lines.lastModified ? parseHttpDate(lines.lastModified, arrivedMs) : null
  const coding = lines.contentEncoding?.trim().toLowerCase() ?? ''
  return {
    directives: targeted ?? directives,
    isTargeted: targeted !== null,
    isMalformed: directives.isMalformed || targeted?.isMalformed === true,
    dateMs: dateMs ?? arrivedMs,
    hasDate: dateMs !== null,
    hasExpires: expires.length > 0,
    expiresMs: readExpires(expires, arrivedMs),
    lastModified: lastModifiedMs === null ? null : lines.lastModified,
    lastModifiedMs,
    etag: lines.etag ? parseEntityTag(lines.etag) : null,
    ageSeconds: readAge(lines.age),
    vary: lines.vary,
    hasSetCookie,
    hasPragmaNoCache: lines.pragma !== null && hasMember(lines.pragma, 'no-cache'),
    contentType: lines.contentType,
    contentLength: lines.contentLength === null ? null : (wholeNumber(lines.contentLength.trim()) ?? Number.NaN),
    contentEncoding: coding === '' || coding === 'identity' ? null : coding,
    contentRange: lines.contentRange,
    contentLocation: lines.contentLocation,
  }
}

/** By length first: few names are compared, and every answer of every app comes by here. */
function keepLine(lines: Lines, name: string, value: string): void {
  switch (name.length) {
    case 3:
      if (isNamed(name, 'age')) lines.age = joined(lines.age, value)
      return
    case 4:
      if (isNamed(name, 'date')) lines.date ??= value
      else if (isNamed(name, 'etag')) lines.etag ??= value
      else if (isNamed(name, 'vary')) lines.vary = joined(lines.vary, value)
      return
    case 6:
      if (isNamed(name, 'pragma')) lines.pragma = joined(lines.pragma, value)
      return
    case 12:
      if (isNamed(name, 'content-type')) lines.contentType ??= value
      return
    case 13:
      if (isNamed(name, 'last-modified')) lines.lastModified ??= value
      else if (isNamed(name, 'content-range')) lines.contentRange ??= value
      return
    case 14:
      if (isNamed(name, 'content-length')) lines.contentLength ??= value
      return
    case 16:
      if (isNamed(name, 'content-location')) lines.contentLocation ??= value
      else if (isNamed(name, 'content-encoding')) lines.contentEncoding = joined(lines.contentEncoding, value)
      return
    case 17:
      if (isNamed(name, 'cdn-cache-control')) lines.targeted = joined(lines.targeted, value)
  }
}

/** RFC 9110 §5.3 */
function joined(before: string | null, value: string): string {
  return before === null ? value : `${before}, ${value}`
}

/** Two lines that differ say nothing that can be relied on. */
function readExpires(lines: readonly string[], nowMs: number): number | null {
  const [first] = lines
  if (first === undefined || lines.some(line => line !== first)) return null
  return parseHttpDate(first.trim(), nowMs)
}

/** RFC 9111 §5.1: the first member counts, one that is no number is ignored. */
function readAge(value: string | null): number {
  if (value === null) return 0
  const comma = value.indexOf(',')
  return wholeNumber((comma === -1 ? value : value.slice(0, comma)).trim(), 2 ** 31) ?? 0
}
