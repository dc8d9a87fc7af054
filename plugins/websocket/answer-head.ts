/**
 * Reads the head of an origin's answer to an upgrade, strictly and within a bound (RFC 9112 §4, §5): no bare LF, no
 * folded line, no space before a colon. Undici hands the socket over only after its own rules, and Node's client cannot
 * be put on a socket whose tunnel we own, hence a small reader here.
 */
import { isFieldText, isToken } from './head-lines.ts'

/** Status line and header lines of one answer. */
export interface AnswerHead {
  readonly minor: 0 | 1
  readonly status: number
  readonly reason: string
  /** Flat `[name, value, …]`, spelling, order and repetition as received. */
  readonly headers: readonly string[]
}

export type ParsedHead = { readonly head: AnswerHead } | { readonly head: null; readonly reason: string }

export type HeadProgress =
  | { readonly state: 'more' }
  | { readonly state: 'too-large' }
  | { readonly state: 'invalid'; readonly reason: string }
  | { readonly state: 'head'; readonly head: AnswerHead; readonly rest: Buffer }

const LF = 0x0a
const CR = 0x0d

/** Collects bytes until a head is whole. One reader reads several heads one after another (1xx, then the final one). */
export class AnswerHeadReader {
  readonly #maxBytes: number
  #buffer = Buffer.allocUnsafe(1024)
  #length = 0
  /** Start of the line that is being read. */
  #line = 0
  #scanned = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Takes received bytes; `rest` of a head are the bytes behind it, to be fed again or to be passed on. */
  feed(chunk: Buffer): HeadProgress {
    const room = this.#maxBytes - this.#length
    const taken = chunk.length > room ? chunk.subarray(0, room) : chunk
    this.#append(taken)
    const end = this.#findEnd()
    if (end === -1) return { state: 'invalid', reason: 'bare LF in the head' }
    if (end === 0) return taken.length < chunk.length ? { state: 'too-large' } : { state: 'more' }
    const parsed = parseAnswerHead(this.#buffer.toString('latin1', 0, end))
    const surplus = this.#length - end
    this.#length = this.#line = this.#scanned = 0
    if (parsed.head === null) return { state: 'invalid', reason: parsed.reason }
    return { state: 'head', head: parsed.head, rest: chunk.subarray(taken.length - surplus) }
  }

  /** True when no byte of a head has arrived yet. */
  get empty(): boolean {
    return this.#length === 0
  }

  #append(chunk: Buffer): void {
    const needed = this.#length + chunk.length
    if (needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
      this.#buffer.copy(grown, 0, 0, this.#length)
      this.#buffer = grown
    }
    chunk.copy(this.#buffer, this.#length)
    this.#length = needed
  }

  /** Index behind the empty line; 0 = not there yet; -1 = a line does not end in CRLF. */
  #findEnd(): number {
    for (;;) {
      const lf = this.#buffer.subarray(0, this.#length).indexOf(LF, this.#scanned)
      if (lf === -1) {
        this.#scanned = this.#length
        return 0
      }
      if (lf === this.#line || this.#buffer[lf - 1] !== CR) return -1
      const isEmptyLine = lf - this.#line === 1
      this.#line = this.#scanned = lf + 1
      if (isEmptyLine) return this.#line
    }
  }
}

/** Parses a whole head whose lines all end in CRLF and whose last line is empty. */
export function parseAnswerHead(text: string): ParsedHead {
  const lines = text.slice(0, -4).split('\r\n')
  const first = lines[0]!
  const minor = first.startsWith('HTTP/1.1 ') ? 1 : first.startsWith('HTTP/1.0 ') ? 0 : null
  const status = minor === null ? null : parseStatus(first.slice(9, 12))
  if (minor === null || status === null) return { head: null, reason: 'status line' }
  if (first.length > 12 && first[12] !== ' ') return { head: null, reason: 'status line' }
  const reason = first.slice(13)
  if (!isFieldText(reason)) return { head: null, reason: 'reason phrase' }
  const headers: string[] = []
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i]!
    const colon = line.indexOf(':')
    const value = trimBlanks(line.slice(colon + 1))
    if (colon < 1 || !isToken(line.slice(0, colon))) return { head: null, reason: 'header name' }
    if (!isFieldText(value)) return { head: null, reason: 'header value' }
    headers.push(line.slice(0, colon), value)
  }
  return { head: { minor, status, reason, headers } }
}

function parseStatus(text: string): number | null {
  if (text.length !== 3) return null
  for (let i = 0; i < 3; i++) if (text.charCodeAt(i) < 0x30 || text.charCodeAt(i) > 0x39) return null
  const status = Number(text)
  return status >= 100 ? status : null
}

function trimBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
