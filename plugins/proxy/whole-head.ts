/**
 * The text of a head that leaves together with its whole answer, as Node would write it. Pure; null always means that Node has
 * to make the head, or to refuse it with an error of its own.
 */
import { STATUS_CODES } from 'node:http'
import { isNamed } from '../contract/index.ts'

export interface Head {
  readonly status: number
  /** Empty for the one that stands for the status. */
  readonly reason: string
  /** Flat, with Content-Length where a body follows. */
  readonly fields: readonly string[]
}

export interface WholeHead extends Head {
  /** How long the connection is kept, in milliseconds; 0 says nothing of it. */
  readonly keepAliveMs: number
}

/** No byte that would end a line or is none of a field (RFC 9110 §5.5). */
const UNFIT = /[^\t\x20-\x7e\x80-\xff]/
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/**
 * A head that is the same for many requests but for the values at some places, of which there may be none: only these are
 * looked at and put in.
 */
export class RepeatedHead {
  readonly #head: Head
  readonly #places: readonly number[]
  /** What stands before, between and behind the places; null where Node has to make such a head. */
  readonly #pieces: readonly string[] | null

  /** `places`: indices of values in the flat fields, ascending. */
  constructor(head: Head, places: readonly number[]) {
    // The array is its answer's own, which may go on with it.
    this.#head = { ...head, fields: [...head.fields] }
    this.#places = places
    // Where there is none Node adds one (RFC 9110 §6.6.1), with the clock of the second.
    this.#pieces = hasDate(head.fields) ? piecesBetween(head, places) : null
  }

  /** The head as it goes out, with its empty line. Null also where it differs from the one it was made for at any other place. */
  textOf({ status, reason, fields, keepAliveMs }: WholeHead): string | null {
    const pieces = this.#pieces
    const known = this.#head
    if (pieces === null || status !== known.status || reason !== known.reason) return null
    if (fields.length !== known.fields.length) return null
    let text = pieces[0] as string
    let reached = 0
    for (let i = 0; i < fields.length; i++) {
      const part = fields[i] as string
      if (i !== this.#places[reached]) {
        if (part !== known.fields[i]) return null
      } else if (UNFIT.test(part)) return null
      else text += part + (pieces[++reached] as string)
    }
    return text + endOfHead(keepAliveMs)
  }

  /** Where another head of the same status and names has other values, the places of this one included; empty for a stranger. */
  placesFor({ status, reason, fields }: Head): readonly number[] {
    const known = this.#head
    if (status !== known.status || reason !== known.reason || fields.length !== known.fields.length) return []
    const places: number[] = []
    for (let i = 0; i < fields.length; i++) {
      const isValue = i % 2 === 1
      if (isValue && this.#places.includes(i)) places.push(i)
      else if (fields[i] !== known.fields[i]) {
        if (!isValue) return []
        places.push(i)
      }
    }
    return places.length > MOST_PLACES ? [] : places
  }
}

/** So many values of a head may differ from answer to answer; with more of them nothing is won. */
const MOST_PLACES = 8
/** Kinds of heads that are known, by how many fields they have. */
const KINDS = 16

/**
 * The text of heads that nobody has prepared: where one differs from the last of its kind in some values, as in the id of the
 * request and the date, the next one may differ there again.
 */
export class LearnedHeads {
  readonly #kinds: (RepeatedHead | null)[] = new Array(KINDS).fill(null)

  textOf(head: WholeHead): string | null {
    const kind = (head.fields.length >> 1) % KINDS
    const known = this.#kinds[kind] ?? null
    const text = known?.textOf(head) ?? null
    if (text !== null) return text
    const learned = new RepeatedHead(head, known?.placesFor(head) ?? [])
    this.#kinds[kind] = learned
    return learned.textOf(head)
  }
}

function piecesBetween(head: Head, places: readonly number[]): string[] | null {
  const { reason, fields } = head
  if (UNFIT.test(reason)) return null
  const pieces: string[] = []
  let text = statusLine(head)
  let from = 0
  for (const place of places) {
    const lines = fieldLines(fields, from, place - 1)
    const name = fields[place - 1] as string
    if (lines === null || !isPlainName(name)) return null
    pieces.push(`${text}${lines}${name}: `)
    text = '\r\n'
    from = place + 1
  }
  const lines = fieldLines(fields, from, fields.length)
  return lines === null ? null : [...pieces, text + lines]
}

function statusLine({ status, reason }: Head): string {
  return `HTTP/1.1 ${status} ${reason === '' ? (STATUS_CODES[status] ?? 'unknown') : reason}\r\n`
}

function fieldLines(fields: readonly string[], from: number, to: number): string | null {
  let text = ''
  for (let i = from; i + 1 < to; i += 2) {
    const name = fields[i] as string
    const value = fields[i + 1] as string
    if (UNFIT.test(value) || !isPlainName(name)) return null
    text += `${name}: ${value}\r\n`
  }
  return text
}

/** The name of a field that says nothing of the connection or the framing. */
function isPlainName(name: string): boolean {
  return TOKEN.test(name) && !framesAnew(name)
}

function hasDate(fields: readonly string[]): boolean {
  for (let i = 0; i + 1 < fields.length; i += 2) if (isNamed(fields[i] as string, 'date')) return true
  return false
}

function endOfHead(keepAliveMs: number): string {
  const hint = keepAliveHint(keepAliveMs)
  return `${hint === null ? '' : `Keep-Alive: ${hint}\r\n`}Connection: keep-alive\r\n\r\n`
}

/** As Node says it; not in RFC 9112, but clients heed it (RFC 2068 §19.7.1.1). */
export function keepAliveHint(keepAliveMs: number): string | null {
  return keepAliveMs > 0 ? `timeout=${Math.floor(keepAliveMs / 1000)}` : null
}

export function namesConnection(given: unknown): boolean {
  if (typeof given !== 'object' || given === null) return false
  const names = Array.isArray(given) ? given.filter((_, i) => i % 2 === 0) : Object.keys(given)
  return names.some(name => typeof name === 'string' && isNamed(name, 'connection'))
}

function framesAnew(name: string): boolean {
  switch (name.length) {
    case 7:
      return isNamed(name, 'trailer')
    case 10:
      return isNamed(name, 'connection') || isNamed(name, 'keep-alive')
    case 17:
      return isNamed(name, 'transfer-encoding')
    default:
      return false
  }
}
