/** What the strict models of requests and answers share: field lines and the chunked coding (RFC 9112 §5 and §7.1). Pure. */

/** One character a byte throughout. */
export type Field = readonly [name: string, value: string]

const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)$/
const CHUNK = /^(0*[0-9a-fA-F]{1,13})((?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?)$/

/** Null when a line is malformed. Names in lower case, values without blanks at their ends. */
export function readFields(lines: readonly string[]): Field[] | null {
  const fields: Field[] = []
  for (const line of lines) {
    const match = FIELD.exec(line)
    if (match === null) return null
    fields.push([(match[1] as string).toLowerCase(), trimBlanks(match[2] as string)])
  }
  return fields
}

/** Spaces and tabs only: `trim` would also take U+00A0, which is a byte of the value. */
export function trimBlanks(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '')
}

export function valuesOf(fields: readonly Field[], name: string): string[] {
  return fields.filter(([field]) => field === name).map(([, value]) => value)
}

/** Why there is no more: `whole`, the bytes end before it does, or it is no such thing. */
export type Ending = 'whole' | 'partial' | 'invalid'

export interface Body {
  readonly body: string
  readonly ending: Ending
  /** Position behind it. */
  readonly end: number
  readonly trailers: readonly Field[]
}

export function readCounted(bytes: string, from: number, length: number): Body {
  const end = Math.min(bytes.length, from + length)
  return { body: bytes.slice(from, end), ending: end - from === length ? 'whole' : 'partial', end, trailers: [] }
}

export function readChunked(bytes: string, from: number): Body {
  let body = ''
  let at = from
  const stop = (ending: Ending): Body => ({ body, ending, end: at, trailers: [] })
  for (;;) {
    const eol = bytes.indexOf('\r\n', at)
    if (eol < 0) return stop('partial')
    const line = CHUNK.exec(bytes.slice(at, eol))
    if (line === null) return stop('invalid')
    const size = Number.parseInt(line[1] as string, 16)
    if (size === 0) return readTrailers(bytes, eol + 2, body)
    at = eol + 2
    body += bytes.slice(at, at + size)
    if (bytes.length < at + size + 2) return stop('partial')
    if (bytes.slice(at + size, at + size + 2) !== '\r\n') return stop('invalid')
    at += size + 2
  }
}

function readTrailers(bytes: string, from: number, body: string): Body {
  if (bytes.startsWith('\r\n', from)) return { body, ending: 'whole', end: from + 2, trailers: [] }
  const end = bytes.indexOf('\r\n\r\n', from)
  if (end < 0) return { body, ending: 'partial', end: bytes.length, trailers: [] }
  const trailers = readFields(bytes.slice(from, end).split('\r\n'))
  return { body, ending: trailers === null ? 'invalid' : 'whole', end: end + 4, trailers: trailers ?? [] }
}
