/**
 * Gathers a section of field lines (a head, or trailers) that arrives in pieces, up to its blank line and to a limit;
 * a section that can no longer become valid is refused as it arrives, not at its end.
 */
import { beginsLikeAnswer, endOfLooseSection, findLoneLf, hasLoneCr, withCleanLineEnds } from './head-parser.ts'

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
  /** Some lines of the head end with LF alone. */
  isLoose = false
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
    const end = this.#findEnd(before)
    this.position = from + (end === -1 ? taken : end - before)
    if (end !== -1) {
      this.length = end
      return 'whole'
    }
    if (this.#isHead && !beginsLikeAnswer(this.#bytes, this.length)) return 'invalid'
    if (hasLoneCr(this.#bytes, before, this.length)) return 'invalid'
    if (!this.#isHead && findLoneLf(this.#bytes, before, this.length) !== -1) return 'invalid'
    return this.length === this.#limit ? 'tooLarge' : 'more'
  }

  /** Position behind the blank line, -1 while it has not come. A line with LF alone in front of it changes how it looks. */
  #findEnd(before: number): number {
    const at = this.#bytes.subarray(0, this.length).indexOf(blankLine, Math.max(0, before - 3))
    const strict = at === -1 ? -1 : at + blankLine.length
    if (!this.#isHead) return strict
    const upTo = strict === -1 ? this.length : strict
    if (!this.isLoose && findLoneLf(this.#bytes, before, upTo) === -1) return strict
    this.isLoose = true
    return endOfLooseSection(this.#bytes, Math.max(0, before - 2), this.length)
  }

  /** The text from `from` with the CRLF of the last line, without the blank line; the buffer is empty again. */
  take(from: number): string {
    const all = this.#bytes.toString('latin1', from, this.length)
    const text = this.isLoose ? withCleanLineEnds(all) : all
    this.length = 0
    this.isLoose = false
    this.#bytes = nothing
    return text.slice(0, -2)
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
