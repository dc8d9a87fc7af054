/**
 * Takes the chunked coding off, piece by piece (RFC 9112 §7.1). Strict: sizes are bare hexadecimal digits, every line
 * ends with CRLF, extensions are skipped within a bound; anything else could hide a second message.
 */
import { valueCharacters } from './characters.ts'
import { parseFieldLines } from './head-parser.ts'
import { SectionBuffer } from './section-buffer.ts'
import { allowedTrailers } from './trailer-fields.ts'

const CR = 0x0d
const LF = 0x0a
const SEMICOLON = 0x3b

/** Digits of a size: 52 bits, so that it stays an exact number. */
const MAX_SIZE_DIGITS = 13
const MAX_EXTENSION_BYTES = 4096
const MAX_TRAILER_BYTES = 16_384

/** The CRLF behind the last chunk, so that an empty trailer section ends with a blank line like any other. */
const lineEnd = Buffer.from('\r\n', 'latin1')

const SIZE = 0
const EXTENSION = 1
const SIZE_LF = 2
const DATA = 3
const DATA_CR = 4
const DATA_LF = 5
const TRAILERS = 6

/** `data`: bytes [dataStart, dataEnd) of the piece are content; `more`: the piece is used up. */
export type ChunkStep = 'more' | 'data' | 'end' | 'invalid'

export class ChunkedDecoder {
  /** Next byte of the piece that was not read. */
  position = 0
  dataStart = 0
  dataEnd = 0
  /** Trailer lines once the body has ended, flat; null if there were none. */
  trailers: string[] | null = null
  /** Why the last piece was refused. */
  problem = ''
  #state = SIZE
  #digits = 0
  #size = 0
  #extensionBytes = 0
  #section: SectionBuffer | null = null

  /** Ready for the next body. */
  reset(): void {
    this.trailers = null
    this.#startLine()
  }

  /** Reads `piece` from `from` to the next event. */
  next(piece: Buffer, from: number): ChunkStep {
    let at = from
    while (at < piece.length) {
      if (this.#state === DATA) return this.#data(piece, at)
      if (this.#state === TRAILERS) return this.#trailers(piece, at)
      if (!this.#lineByte(piece[at] as number)) {
        this.position = at
        return 'invalid'
      }
      at++
    }
    this.position = at
    return 'more'
  }

  /** Any byte that is not content; false if it may not stand there. */
  #lineByte(byte: number): boolean {
    switch (this.#state) {
      case SIZE:
        return this.#sizeByte(byte)
      case EXTENSION:
        return this.#extensionByte(byte)
      case SIZE_LF:
        return byte === LF ? this.#endSizeLine() : this.#refuse('bare CR in a chunk line')
      case DATA_CR:
        this.#state = DATA_LF
        return byte === CR || this.#refuse('chunk data longer than its size')
      default:
        this.#startLine()
        return byte === LF || this.#refuse('bare CR after chunk data')
    }
  }

  #sizeByte(byte: number): boolean {
    const digit = hexDigit(byte)
    if (digit !== -1) {
      this.#size = this.#size * 16 + digit
      return ++this.#digits <= MAX_SIZE_DIGITS || this.#refuse('chunk size too large')
    }
    if (this.#digits === 0) return this.#refuse('chunk without a size')
    if (byte === CR) this.#state = SIZE_LF
    else if (byte === SEMICOLON) this.#state = EXTENSION
    else return this.#refuse('bad character in a chunk size')
    return true
  }

  #extensionByte(byte: number): boolean {
    if (byte === CR) {
      this.#state = SIZE_LF
      return true
    }
    if (valueCharacters[byte] !== 1) return this.#refuse('bad character in a chunk extension')
    return ++this.#extensionBytes <= MAX_EXTENSION_BYTES || this.#refuse('chunk extension too long')
  }

  #endSizeLine(): boolean {
    this.#state = this.#size === 0 ? TRAILERS : DATA
    return true
  }

  #startLine(): void {
    this.#state = SIZE
    this.#digits = 0
    this.#size = 0
    this.#extensionBytes = 0
    this.#section = null
  }

  #data(piece: Buffer, at: number): ChunkStep {
    const end = Math.min(piece.length, at + this.#size)
    this.#size -= end - at
    if (this.#size === 0) this.#state = DATA_CR
    this.dataStart = at
    this.dataEnd = end
    this.position = end
    return 'data'
  }

  #trailers(piece: Buffer, at: number): ChunkStep {
    if (this.#section === null && piece[at] === CR && piece[at + 1] === LF) {
      this.position = at + 2
      return 'end'
    }
    this.#section ??= startSection()
    const gathering = this.#section.add(piece, at)
    this.position = this.#section.position
    if (gathering === 'more') return 'more'
    if (gathering === 'whole') return this.#parseTrailers(this.#section.take(lineEnd.length))
    this.#refuse(gathering === 'tooLarge' ? 'trailers too large' : 'bare CR or LF in the trailers')
    return 'invalid'
  }

  #parseTrailers(text: string): ChunkStep {
    const lines = parseFieldLines(text, 0)
    if (typeof lines === 'string') {
      this.#refuse(lines)
      return 'invalid'
    }
    const allowed = allowedTrailers(lines)
    this.trailers = allowed.length > 0 ? allowed : null
    return 'end'
  }

  #refuse(problem: string): false {
    this.problem = problem
    return false
  }
}

function startSection(): SectionBuffer {
  const section = new SectionBuffer(MAX_TRAILER_BYTES + lineEnd.length, false)
  section.add(lineEnd, 0)
  return section
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}
