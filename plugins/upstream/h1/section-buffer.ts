/**
 * Gathers a section of field lines (a head, or trailers) that arrives in pieces, up to its blank line and to a limit;
 * a section that can no longer become valid is refused as it arrives, not at its end.
 */
import { beginsLikeAnswer, hasCleanLineEnds } from './head-parser.ts'

/** CRLF CRLF: the end of a section. */
export const blankLine: Buffer = Buffer.from('\r\n\r\n', 'latin1')

const FIRST_SIZE = 1024
const nothing = Buffer.alloc(0)

/** What a piece did: `whole` = the section is complete, `tooLarge` = the limit was reached before its end. */
export type Gathering = 'more' | 'whole' | 'tooLarge' | 'invalid'

export class SectionBuffer {
  /** Bytes gathered so far. */
  length = 0
  /** Position in the last piece behind the bytes that were taken. */
  position = 0
  readonly #limit: number
  readonly #isHead: boolean
  #bytes: Buffer = nothing

  /** `limit`: most bytes of the section, its blank line included. `isHead`: it must begin like an answer. */
  constructor(limit: number, isHead: boolean) {
    this.#limit = limit
    this.#isHead = isHead
  }

  add(piece: Buffer, from: number): Gathering {
    const before = this.length
    const taken = Math.min(piece.length - from, this.#limit - before)
    this.#append(piece, from, taken)
    const end = this.#bytes.subarray(0, this.length).indexOf(blankLine, Math.max(0, before - 3))
    this.position = from + (end === -1 ? taken : end + 4 - before)
    if (end !== -1) {
      this.length = end + 4
      return 'whole'
    }
    if (this.#isHead && !beginsLikeAnswer(this.#bytes, this.length)) return 'invalid'
    if (!hasCleanLineEnds(this.#bytes, before, this.length)) return 'invalid'
    return this.length === this.#limit ? 'tooLarge' : 'more'
  }

  /** The text from `from` with the CRLF of the last line, without the blank line; the buffer is empty again. */
  take(from: number): string {
    const text = this.#bytes.toString('latin1', from, Math.max(from, this.length - 2))
    this.length = 0
    this.#bytes = nothing
    return text
  }

  #append(piece: Buffer, from: number, count: number): void {
    const needed = this.length + count
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.min(this.#limit, Math.max(FIRST_SIZE, needed, this.#bytes.length * 2)))
      this.#bytes.copy(grown, 0, 0, this.length)
      this.#bytes = grown
    }
    piece.copy(this.#bytes, this.length, from, from + count)
    this.length = needed
  }
}
