/**
 * The lines of heads that are mostly the same from one message to the next: only the values that differ are looked at and put
 * in. Pure but for what it remembers, which every message is compared with in full.
 */

/** No byte that would end a line or is none of a field's value (RFC 9110 §5.5). */
const UNFIT = /[^\t\x20-\x7e\x80-\xff]/
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** Whether it may be written as the value of a field. */
export function isFieldValue(text: string): boolean {
  return !UNFIT.test(text)
}

/** So many values of a head may differ from message to message; with more of them nothing is won. */
const MOST_PLACES = 8

/** Flat fields whose values may differ at some places, of which there may be none. */
export class RepeatedLines {
  readonly #fields: readonly string[]
  readonly #places: readonly number[]
  readonly #isRefused: (name: string) => boolean
  /** What stands before, between and behind the places; null where such lines may not be written, undefined until asked for. */
  #pieces: readonly string[] | null | undefined

  /**
   * `places`: indices of values in the flat fields, ascending. `isRefused`: names that are not to be written, though they are
   * well formed.
   */
  constructor(fields: readonly string[], places: readonly number[], isRefused: (name: string) => boolean) {
    // The array is its message's own, which may go on with it.
    this.#fields = fields.slice()
    this.#places = places
    this.#isRefused = isRefused
  }

  /** `Name: value` and line end for each field. Null where another place differs, or where a line may not be written. */
  textOf(fields: readonly string[]): string | null {
    // Most heads come once: what they are made of is found out when one comes again.
    if (this.#pieces === undefined) {
      if (!this.#matches(fields)) return null
      this.#pieces = this.#makePieces()
    }
    const pieces = this.#pieces
    const known = this.#fields
    if (pieces === null || fields.length !== known.length) return null
    let text = pieces[0] as string
    let reached = 0
    for (let i = 0; i < known.length; i++) {
      const part = fields[i] as string
      if (i !== this.#places[reached]) {
        if (part !== known[i]) return null
      } else if (!isFieldValue(part)) return null
      else text += part + (pieces[++reached] as string)
    }
    return text
  }

  /** Where other fields of the same names have other values, the places of these included; empty for a stranger. */
  placesFor(fields: readonly string[]): readonly number[] {
    const known = this.#fields
    if (fields.length !== known.length) return []
    const places: number[] = []
    for (let i = 0; i < known.length; i++) {
      const isValue = i % 2 === 1
      if (isValue && this.#places.includes(i)) places.push(i)
      else if (fields[i] !== known[i]) {
        if (!isValue) return []
        places.push(i)
      }
    }
    return places.length > MOST_PLACES ? [] : places
  }

  #matches(fields: readonly string[]): boolean {
    const known = this.#fields
    if (fields.length !== known.length) return false
    let reached = 0
    for (let i = 0; i < known.length; i++) {
      if (i === this.#places[reached]) reached++
      else if (fields[i] !== known[i]) return false
    }
    return true
  }

  #makePieces(): readonly string[] | null {
    const fields = this.#fields
    const pieces: string[] = []
    let text = ''
    let reached = 0
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const name = fields[i] as string
      const value = fields[i + 1] as string
      if (!TOKEN.test(name) || this.#isRefused(name)) return null
      text += `${name}: `
      if (this.#places[reached] === i + 1) {
        pieces.push(text)
        text = '\r\n'
        reached++
      } else if (!isFieldValue(value)) return null
      else text += `${value}\r\n`
    }
    return fields.length % 2 === 0 ? [...pieces, text] : null
  }
}

/** Kinds of lines that are known at a time. */
const KINDS = 64

/** The text of lines that nobody has prepared: where some differ from the last of their kind, the next may differ there again. */
export class LearnedLines {
  readonly #kinds: (RepeatedLines | null)[] = new Array(KINDS).fill(null)
  readonly #isRefused: (name: string) => boolean

  /** `isRefused`: names that are not to be written, though they are well formed. */
  constructor(isRefused: (name: string) => boolean) {
    this.#isRefused = isRefused
  }

  /** Null for lines that are new, or that may not be written: their writer has to look at each of them. */
  textOf(fields: readonly string[]): string | null {
    // Requests for one host mostly come with as many fields.
    const kind = ((fields.length >> 1) + 31 * (fields[1] ?? '').length) % KINDS
    const known = this.#kinds[kind] ?? null
    const text = known?.textOf(fields) ?? null
    if (text === null) this.#kinds[kind] = new RepeatedLines(fields, known?.placesFor(fields) ?? [], this.#isRefused)
    return text
  }
}
