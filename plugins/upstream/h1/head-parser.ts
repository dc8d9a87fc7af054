/**
 * Reads the head of an answer, and field lines in general, from text with one character a byte (RFC 9112 §4 and §5).
 * Strict: whatever two readers could understand differently is refused with a reason.
 */
import { tokenCharacters, valueCharacters } from './characters.ts'

const CR = 0x0d
const LF = 0x0a
const SP = 0x20
const HTAB = 0x09
const COLON = 0x3a

/** A head that holds together; `headers` is flat `[name, value, …]` in the order and spelling of the wire. */
export interface ParsedHead {
  readonly status: number
  /** Minor version of HTTP/1. */
  readonly minor: 0 | 1
  readonly message: string
  readonly headers: string[]
}

/** Parses status line and field lines; `text` ends with the CRLF of its last line. A string is the reason of refusal. */
export function parseHead(text: string): ParsedHead | string {
  const end = text.indexOf('\r\n')
  const minor = parseVersion(text)
  if (minor === null || end < 12) return 'bad status line'
  const status = parseStatus(text)
  if (status === null) return 'bad status code'
  if (end > 12 && text.charCodeAt(12) !== SP) return 'bad status code'
  for (let i = 13; i < end; i++) if (valueCharacters[text.charCodeAt(i)] !== 1) return 'bad reason phrase'
  const headers = parseFieldLines(text, end + 2)
  if (typeof headers === 'string') return headers
  return { status, minor, message: end > 13 ? text.slice(13, end) : '', headers }
}

/** Parses field lines from `from` to the end of `text`, each ended by CRLF. A string is the reason of refusal. */
export function parseFieldLines(text: string, from: number): string[] | string {
  const lines: string[] = []
  let at = from
  while (at < text.length) {
    const nameEnd = skipToken(text, at)
    if (nameEnd === at || text.charCodeAt(nameEnd) !== COLON) return nameProblem(text, at, nameEnd)
    let start = nameEnd + 1
    while (isBlank(text.charCodeAt(start))) start++
    let end = start
    while (valueCharacters[text.charCodeAt(end)] === 1) end++
    if (text.charCodeAt(end) !== CR || text.charCodeAt(end + 1) !== LF) return 'bad character in a field value'
    lines.push(text.slice(at, nameEnd), text.slice(start, trimBlanks(text, start, end)))
    at = end + 2
  }
  return lines
}

/** Position of the first LF in `bytes[from, length)` that no CR stands in front of, -1 = there is none. */
export function findLoneLf(bytes: Uint8Array, from: number, length: number): number {
  for (let i = from; i < length; i++) if (bytes[i] === LF && (i === 0 || bytes[i - 1] !== CR)) return i
  return -1
}

/** Whether a byte of `bytes[from, length)` stands behind a CR and is no LF: nobody may take that CR for the end of a line. */
export function hasLoneCr(bytes: Uint8Array, from: number, length: number): boolean {
  for (let i = Math.max(1, from); i < length; i++) if (bytes[i - 1] === CR && bytes[i] !== LF) return true
  return false
}

/** Position behind the first blank line, lines being ended by CRLF or LF; -1 = there is none. Looks from `from` on. */
export function endOfLooseSection(bytes: Uint8Array, from: number, length: number): number {
  for (let i = from; i < length; i++) {
    if (bytes[i] !== LF) continue
    const next = bytes[i + 1] === CR ? i + 2 : i + 1
    if (next < length && bytes[next] === LF) return next + 1
  }
  return -1
}

/** The text with every line ended by CRLF. */
export function withCleanLineEnds(text: string): string {
  return text.replace(/\r?\n/g, '\r\n')
}

const START = Buffer.from('HTTP/1.', 'latin1')

/** True while `bytes[0, length)` is the beginning of an HTTP/1 answer, so that anything else is refused at once. */
export function beginsLikeAnswer(bytes: Uint8Array, length: number): boolean {
  for (let i = 0; i < length && i < START.length; i++) if (bytes[i] !== START[i]) return false
  return true
}

function parseVersion(text: string): 0 | 1 | null {
  if (!text.startsWith('HTTP/1.') || text.charCodeAt(8) !== SP) return null
  const minor = text.charCodeAt(7)
  return minor === 0x31 ? 1 : minor === 0x30 ? 0 : null
}

/** RFC 9110 §15: three digits; below 100 there is nothing, above 599 is for the receiver to treat as 5xx. */
function parseStatus(text: string): number | null {
  let status = 0
  for (let i = 9; i < 12; i++) {
    const digit = text.charCodeAt(i) - 0x30
    if (!(digit >= 0 && digit <= 9)) return null
    status = status * 10 + digit
  }
  return status >= 100 ? status : null
}

function skipToken(text: string, from: number): number {
  let at = from
  while (tokenCharacters[text.charCodeAt(at)] === 1) at++
  return at
}

function trimBlanks(text: string, start: number, end: number): number {
  let last = end
  while (last > start && isBlank(text.charCodeAt(last - 1))) last--
  return last
}

function isBlank(code: number): boolean {
  return code === SP || code === HTAB
}

function nameProblem(text: string, at: number, nameEnd: number): string {
  if (nameEnd > at)
    return isBlank(text.charCodeAt(nameEnd)) ? 'space before the colon' : 'bad character in a field name'
  return isBlank(text.charCodeAt(at)) ? 'folded line' : 'field line without a name'
}
