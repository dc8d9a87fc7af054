/**
 * The text of a head that leaves together with its whole answer, as Node would write it. Pure; null always means that Node has
 * to make the head, or to refuse it with an error of its own.
 */
import { STATUS_CODES } from 'node:http'
import { isFieldValue, isNamed, RepeatedLines } from '../contract/index.ts'

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

/**
 * A head that is the same for many requests but for the values at some places, of which there may be none: only these are
 * looked at and put in.
 */
export class RepeatedHead {
  readonly #status: number
  readonly #reason: string
  readonly #statusLine: string
  readonly #lines: RepeatedLines
  /** Node has to make such a head. */
  readonly #isNodes: boolean

  /** `places`: indices of values in the flat fields, ascending. */
  constructor({ status, reason, fields }: Head, places: readonly number[]) {
    this.#status = status
    this.#reason = reason
    this.#statusLine = `HTTP/1.1 ${status} ${reason === '' ? (STATUS_CODES[status] ?? 'unknown') : reason}\r\n`
    this.#lines = new RepeatedLines(fields, places, framesAnew)
    // Where there is no date Node adds one (RFC 9110 §6.6.1), with the clock of the second.
    this.#isNodes = !isFieldValue(reason) || !hasDate(fields)
  }

  /** The head as it goes out, with its empty line. Null also where it differs from the one it was made for at any other place. */
  textOf({ status, reason, fields, keepAliveMs }: WholeHead): string | null {
    if (this.#isNodes || status !== this.#status || reason !== this.#reason) return null
    const lines = this.#lines.textOf(fields)
    return lines === null ? null : this.#statusLine + lines + endOfHead(keepAliveMs)
  }

  /** Where another head of the same status and names has other values, the places of this one included; empty for a stranger. */
  placesFor({ status, reason, fields }: Head): readonly number[] {
    return status === this.#status && reason === this.#reason ? this.#lines.placesFor(fields) : []
  }
}

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
