/**
 * What the rules need to know of an origin's answer, read in one pass over its fields; which of Cache-Control and
 * CDN-Cache-Control speaks is settled here (RFC 9213 §2.2).
 */
import { type AnswerDirectives, addAnswerLine, emptyAnswerDirectives, hasMember, parseTargeted } from './directives.ts'
import { type EntityTag, parseEntityTag } from './entity-tag.ts'
import { isNamed, wholeNumber } from './fields.ts'
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

interface Lines {
  [name: string]: string | null
}

const singleLines = new Map<number, readonly string[]>([
  [4, ['etag', 'date']],
  [12, ['content-type']],
  [13, ['last-modified', 'content-range']],
  [14, ['content-length']],
  [16, ['content-location']],
])
const listLines = new Map<number, readonly string[]>([
  [3, ['age']],
  [4, ['vary']],
  [6, ['pragma']],
  [16, ['content-encoding']],
  [17, ['cdn-cache-control']],
])

/** `arrivedMs` is the time at which the head arrived; it stands in for a missing Date. */
export function readAnswerFacts(headers: readonly string[], arrivedMs: number): AnswerFacts {
  const lines: Lines = {}
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
  const targeted = lines['cdn-cache-control'] ? parseTargeted(lines['cdn-cache-control']) : null
  return {
    directives: targeted ?? directives,
    isTargeted: targeted !== null,
    isMalformed: directives.isMalformed || targeted?.isMalformed === true,
    hasSetCookie,
    hasExpires: expires.length > 0,
    expiresMs: readExpires(expires, arrivedMs),
    ...readValidators(lines, arrivedMs),
    ...readContent(lines),
  }
}

function keepLine(lines: Lines, name: string, value: string): void {
  const single = singleLines.get(name.length)?.find(wanted => isNamed(name, wanted))
  // Of a field that may stand once, the first line counts.
  if (single !== undefined) lines[single] ??= value
  const list = listLines.get(name.length)?.find(wanted => isNamed(name, wanted))
  if (list !== undefined) lines[list] = lines[list] == null ? value : `${lines[list]}, ${value}`
}

/** Two lines that differ say nothing that can be relied on. */
function readExpires(lines: readonly string[], nowMs: number): number | null {
  const [first] = lines
  if (first === undefined || lines.some(line => line !== first)) return null
  return parseHttpDate(first.trim(), nowMs)
}

function readValidators(lines: Lines, arrivedMs: number) {
  const dateMs = lines['date'] ? parseHttpDate(lines['date'], arrivedMs) : null
  const lastModifiedMs = lines['last-modified'] ? parseHttpDate(lines['last-modified'], arrivedMs) : null
  return {
    dateMs: dateMs ?? arrivedMs,
    hasDate: dateMs !== null,
    lastModified: lastModifiedMs === null ? null : (lines['last-modified'] ?? null),
    lastModifiedMs,
    etag: lines['etag'] ? parseEntityTag(lines['etag']) : null,
    ageSeconds: readAge(lines['age'] ?? null),
    vary: lines['vary'] ?? null,
    hasPragmaNoCache: hasMember(lines['pragma'] ?? '', 'no-cache'),
  }
}

/** RFC 9111 §5.1: the first member counts, one that is no number is ignored. */
function readAge(value: string | null): number {
  if (value === null) return 0
  const comma = value.indexOf(',')
  return wholeNumber((comma === -1 ? value : value.slice(0, comma)).trim(), 2 ** 31) ?? 0
}

function readContent(lines: Lines) {
  const coding = lines['content-encoding']?.trim().toLowerCase() ?? ''
  const length = lines['content-length']
  return {
    contentType: lines['content-type'] ?? null,
    contentLength: length == null ? null : (wholeNumber(length.trim()) ?? Number.NaN),
    contentEncoding: coding === '' || coding === 'identity' ? null : coding,
    contentRange: lines['content-range'] ?? null,
    contentLocation: lines['content-location'] ?? null,
  }
}
