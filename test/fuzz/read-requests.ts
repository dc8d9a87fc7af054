/**
 * The model of the client's side: what a strict reader of RFC 9112 makes of the bytes of one connection. It is the most that
 * the gateway may make of them; to refuse more is its right.
 */
import { type Body, type Ending, type Field, readChunked, readCounted, readFields, valuesOf } from './wire-lines.ts'

export interface Asked {
  readonly method: string
  readonly target: string
  readonly version: '1.0' | '1.1'
  readonly fields: readonly Field[]
  readonly trailers: readonly Field[]
  readonly body: string
  /** `partial` and `invalid` are said of its body; it is then the last one. */
  readonly ending: Ending
  /** Empty lines in front of it, and what passes for them. */
  readonly before: string
  /** The head as it was written, without the empty line at its end. */
  readonly head: string
}

export interface Reading {
  readonly requests: readonly Asked[]
  /** How the bytes behind the last request are to be seen; `whole` = there are none. */
  readonly rest: Ending
}

// RFC 9112 §3 lets a recipient take several spaces for one; what goes on has one.
const LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) +([\x21-\x7e]+) +HTTP\/1\.([01])$/
const noBody = (end: number): Body => ({ body: '', ending: 'whole', end, trailers: [] })

export function readRequests(bytes: string): Reading {
  const requests: Asked[] = []
  let at = 0
  for (;;) {
    // RFC 9112 §2.2: empty lines in front of a request are to be ignored, and they may end with a bare LF.
    const from = at
    while (bytes[at] === '\r' || bytes[at] === '\n') at++
    const before = bytes.slice(from, at)
    if (at >= bytes.length) return { requests, rest: 'whole' }
    const end = bytes.indexOf('\r\n\r\n', at)
    if (end < 0) return { requests, rest: 'partial' }
    const text = bytes.slice(at, end)
    const head = readHead(text)
    if (head === null) return { requests, rest: 'invalid' }
    const { body, ending, trailers, end: next } = readBody(bytes, end + 4, head)
    requests.push({ ...head, body, ending, trailers, before, head: text })
    if (ending !== 'whole') return { requests, rest: ending }
    at = next
  }
}

type Head = Pick<Asked, 'method' | 'target' | 'version' | 'fields'>

function readHead(text: string): Head | null {
  const [line = '', ...lines] = text.split('\r\n')
  const start = LINE.exec(line)
  const fields = readFields(lines)
  if (start === null || fields === null) return null
  const [, method, target, minor] = start as unknown as [string, string, string, string]
  const head: Head = { method, target, version: minor === '0' ? '1.0' : '1.1', fields }
  return isClear(head) ? head : null
}

/** One Host, and one way at most to find the end of the body (RFC 9112 §3.2 and §6.3). */
function isClear({ fields, version }: Head): boolean {
  const hosts = valuesOf(fields, 'host').length
  const lengths = valuesOf(fields, 'content-length')
  const codings = valuesOf(fields, 'transfer-encoding')
  if (hosts > 1 || (hosts === 0 && version === '1.1')) return false
  if (lengths.length + codings.length > 1) return false
  if (lengths.length === 1) return /^[0-9]{1,15}$/.test(lengths[0] as string)
  return codings.length === 0 || (version === '1.1' && codings[0]?.toLowerCase() === 'chunked')
}

function readBody(bytes: string, from: number, { fields }: Head): Body {
  if (valuesOf(fields, 'transfer-encoding').length > 0) return readChunked(bytes, from)
  const [length] = valuesOf(fields, 'content-length')
  return length === undefined ? noBody(from) : readCounted(bytes, from, Number(length))
}
