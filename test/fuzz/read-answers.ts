/**
 * Reads answers as strictly as RFC 9112 allows: the model of an origin's bytes, and the judge of what the gateway tells its
 * clients. Pure.
 */
import { type Body, type Ending, type Field, readChunked, readCounted, readFields, valuesOf } from './wire-lines.ts'

export interface Answer {
  readonly status: number
  readonly fields: readonly Field[]
  readonly trailers: readonly Field[]
  readonly body: string
  readonly ending: Ending
  /** Only the end of the connection tells the end of the body. */
  readonly untilClose: boolean
  readonly interim: readonly { readonly status: number; readonly fields: readonly Field[] }[]
}

const LINE = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?$/

interface Head {
  readonly minor: string
  readonly status: number
  readonly fields: readonly Field[]
}

export interface FirstAnswer {
  /** Null = there is not even a head of one; `ending` says why. */
  readonly answer: Answer | null
  readonly ending: Ending
  /** Position behind it. */
  readonly end: number
}

/** A blank line, and one whose lines may end with LF alone (RFC 9112 §2.2). */
const STRICT_END = /\r\n\r\n/g
const LOOSE_END = /\r?\n\r?\n/g

/** The final answer at `from` to a request of this method; `isClosed`: the connection has properly ended behind the bytes. */
export function readAnswer(bytes: string, method: string, isClosed: boolean, from = 0): FirstAnswer {
  return readBehind(bytes, { method, isClosed, from, ends: STRICT_END })
}

/** The same of an origin's bytes, of whose heads less is asked. */
export function readOriginsAnswer(bytes: string, method: string, isClosed: boolean): FirstAnswer {
  return readBehind(bytes, { method, isClosed, from: 0, ends: LOOSE_END })
}

interface Reading {
  readonly method: string
  readonly isClosed: boolean
  readonly from: number
  readonly ends: RegExp
}

function readBehind(bytes: string, { method, isClosed, from, ends }: Reading): FirstAnswer {
  const interim: { status: number; fields: readonly Field[] }[] = []
  let at = from
  for (;;) {
    ends.lastIndex = at
    const blank = ends.exec(bytes)
    if (blank === null) return { answer: null, ending: 'partial', end: at }
    const head = readHead(bytes.slice(at, blank.index), ends === LOOSE_END ? /\r?\n/ : /\r\n/)
    if (head === null) return { answer: null, ending: 'invalid', end: at }
    at = blank.index + blank[0].length
    if (head.status < 200 && head.status !== 101) {
      interim.push({ status: head.status, fields: head.fields })
      continue
    }
    const framed = readBody(bytes, at, method, head, isClosed)
    if (framed === null) return { answer: null, ending: 'invalid', end: at }
    const { body, ending, trailers, untilClose } = framed
    const answer = { status: head.status, fields: head.fields, trailers, body, ending, untilClose, interim }
    return { answer, ending, end: framed.end }
  }
}

/** All answers on a connection, one for each of `methods` and then as to GET; the last one may be cut. */
export function readAnswers(bytes: string, methods: readonly string[]): { answers: Answer[]; ending: Ending } {
  const answers: Answer[] = []
  for (let at = 0; at < bytes.length; ) {
    const { answer, ending, end } = readAnswer(bytes, methods[answers.length] ?? 'GET', true, at)
    if (answer !== null) answers.push(answer)
    if (ending !== 'whole') return { answers, ending }
    at = end
  }
  return { answers, ending: 'whole' }
}

function readHead(text: string, lineEnd: RegExp): Head | null {
  const [line = '', ...lines] = text.split(lineEnd)
  const start = LINE.exec(line)
  const fields = readFields(lines)
  if (start === null || fields === null) return null
  return { minor: start[1] as string, status: Number(start[2]), fields }
}

function readBody(bytes: string, from: number, method: string, head: Head, isClosed: boolean) {
  const { status, fields, minor } = head
  const none: Body & { untilClose: boolean } = { body: '', ending: 'whole', end: from, trailers: [], untilClose: false }
  if (method === 'HEAD' || status === 204 || status === 304 || status === 101) return none
  const lengths = valuesOf(fields, 'content-length')
  const codings = valuesOf(fields, 'transfer-encoding')
  if (codings.length > 0) {
    const isClear = codings.length === 1 && codings[0]?.toLowerCase() === 'chunked' && lengths.length === 0
    return isClear && minor === '1' ? { ...readChunked(bytes, from), untilClose: false } : null
  }
  if (lengths.length > 0) {
    // RFC 9110 §8.6: the same number repeated may be taken for one.
    const numbers = new Set(lengths.flatMap(value => value.split(',').map(part => part.trim())))
    const [length] = numbers
    const isClear = numbers.size === 1 && /^[0-9]{1,15}$/.test(length as string)
    return isClear ? { ...readCounted(bytes, from, Number(length)), untilClose: false } : null
  }
  const ending: Ending = isClosed ? 'whole' : 'partial'
  return { body: bytes.slice(from), ending, end: bytes.length, trailers: [], untilClose: true }
}
