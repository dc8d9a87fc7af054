/**
 * How the body of a refused upgrade ends, and where (RFC 9112 §6.3, §7.1). The bytes are relayed as they are: only
 * their end is looked for, so that nothing behind the answer can reach the client.
 */
import type { AnswerHead } from './answer-head.ts'
import { splitTokens, valuesOf } from './head-lines.ts'

export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'close' }
  | { readonly kind: 'invalid'; readonly reason: string }

/** The framing of an answer to a GET. Anything that two readers could take differently is invalid. */
export function decideFraming(head: AnswerHead): Framing {
  const codings = valuesOf(head.headers, 'transfer-encoding')
  const lengths = valuesOf(head.headers, 'content-length').flatMap(splitTokens)
  if (codings.length > 0) {
    if (lengths.length > 0) return { kind: 'invalid', reason: 'Transfer-Encoding with Content-Length' }
    if (head.minor === 0) return { kind: 'invalid', reason: 'Transfer-Encoding in HTTP/1.0' }
    if (codings.length > 1 || codings[0]!.toLowerCase() !== 'chunked')
      return { kind: 'invalid', reason: 'unknown transfer coding' }
  }
  if (head.status === 204 || head.status === 304) return { kind: 'none' }
  if (codings.length > 0) return { kind: 'chunked' }
  if (valuesOf(head.headers, 'content-length').length === 0) return { kind: 'close' }
  const length = parseLength(lengths)
  if (length === null) return { kind: 'invalid', reason: 'Content-Length' }
  return length === 0 ? { kind: 'none' } : { kind: 'length', length }
}

function parseLength(lengths: readonly string[]): number | null {
  const text = lengths[0]
  if (text === undefined || lengths.some(other => other !== text)) return null
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 0x30 || text.charCodeAt(i) > 0x39) return null
  const length = Number(text)
  return Number.isSafeInteger(length) ? length : null
}

export type BodyState = 'more' | 'end' | 'invalid'

/** Finds the end of a body in its bytes. */
export interface BodyMeasure {
  readonly state: BodyState
  /** How many bytes at the start of the chunk belong to the body. */
  take(chunk: Buffer): number
  /** The origin has ended its side: is the body whole? */
  readonly wholeAtEnd: boolean
}

/** The measure of a framing that is not invalid. */
export function measureBody(framing: Exclude<Framing, { kind: 'invalid' }>): BodyMeasure {
  if (framing.kind === 'chunked') return new ChunkedMeasure()
  if (framing.kind === 'close') return { state: 'more', wholeAtEnd: true, take: chunk => chunk.length }
  return new LengthMeasure(framing.kind === 'length' ? framing.length : 0)
}

class LengthMeasure implements BodyMeasure {
  readonly wholeAtEnd = false
  #left: number

  constructor(length: number) {
    this.#left = length
  }

  get state(): BodyState {
    return this.#left === 0 ? 'end' : 'more'
  }

  take(chunk: Buffer): number {
    const taken = Math.min(this.#left, chunk.length)
    this.#left -= taken
    return taken
  }
}

const MAX_LINE = 4096
const MAX_TRAILER_BYTES = 16 * 1024
const CR = 0x0d
const LF = 0x0a

/** Walks through chunk lines without keeping them; strict about CRLF and sizes, since a client's parser may not be. */
class ChunkedMeasure implements BodyMeasure {
  readonly wholeAtEnd = false
  state: BodyState = 'more'
  #part: 'size' | 'data' | 'data-end' | 'trailer' = 'size'
  #size = 0
  #digits = 0
  #inExtension = false
  #lineBytes = 0
  #trailerBytes = 0
  #seenCr = false

  take(chunk: Buffer): number {
    let at = 0
    while (at < chunk.length && this.state === 'more') {
      if (this.#part === 'data') at += this.#skipData(chunk.length - at)
      else this.#takeByte(chunk[at++]!)
    }
    return at
  }

  #skipData(available: number): number {
    const skipped = Math.min(this.#size, available)
    this.#size -= skipped
    if (this.#size === 0) this.#part = 'data-end'
    return skipped
  }

  #takeByte(byte: number): void {
    if (this.#seenCr) {
      this.#seenCr = false
      if (byte === LF) this.#endLine()
      else this.state = 'invalid'
    } else if (byte === CR) this.#seenCr = true
    else if (byte === LF || ++this.#lineBytes > MAX_LINE) this.state = 'invalid'
    else this.#takeText(byte)
  }

  #takeText(byte: number): void {
    if (this.#part === 'trailer') {
      if (++this.#trailerBytes > MAX_TRAILER_BYTES) this.state = 'invalid'
      return
    }
    if (this.#part === 'data-end') this.state = 'invalid'
    if (this.#inExtension) return
    const digit = hexDigit(byte)
    if (digit === -1) {
      if (byte === 0x3b && this.#digits > 0) this.#inExtension = true
      else this.state = 'invalid'
    } else if (++this.#digits > 13) this.state = 'invalid'
    else this.#size = this.#size * 16 + digit
  }

  #endLine(): void {
    const isEmpty = this.#lineBytes === 0
    this.#lineBytes = 0
    if (this.#part === 'trailer') {
      if (isEmpty) this.state = 'end'
    } else if (this.#part === 'data-end') this.#part = 'size'
    else if (this.#digits === 0) this.state = 'invalid'
    else {
      this.#part = this.#size === 0 ? 'trailer' : 'data'
      this.#digits = 0
      this.#inExtension = false
    }
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
