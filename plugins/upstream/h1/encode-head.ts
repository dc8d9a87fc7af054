/**
 * Writes the head of a request (RFC 9112 §3 and §5) and decides its framing (§6); refuses, with a reason, whatever an
 * origin could read as something else than it is.
 */
import { isNamed, LearnedLines } from '../../contract/index.ts'
import type { ExchangeRequest } from '../exchange.ts'
import { consistsOf, isToken, targetCharacters, tokenCharacters, valueCharacters } from './characters.ts'
import { allowedTrailers } from './trailer-fields.ts'

/** How the body of a request is delimited. */
export type RequestFraming =
  | { readonly body: 'none' | 'zero' | 'chunked'; readonly reason: string }
  | { readonly body: 'length'; readonly length: number; readonly reason: string }
  | { readonly body: 'invalid'; readonly reason: string }

/** A head ready for the wire (one character a byte), or the reason why there is none. */
export type EncodedHead = { readonly text: string; readonly problem: null } | { readonly problem: string }

const none: RequestFraming = { body: 'none', reason: 'no body' }
const zero: RequestFraming = { body: 'zero', reason: 'no body where one is expected' }
const chunked: RequestFraming = { body: 'chunked', reason: 'length not known' }

/** A browser's requests to one app differ in few values. */
const learned = new LearnedLines(isFraming)

/**
 * RFC 9110 §8.6: a method whose meaning is its content says that there is none; any other but GET and HEAD says so
 * where the caller did (`bodyLength` 0).
 */
export function decideRequestFraming(request: ExchangeRequest): RequestFraming {
  const { body, bodyLength, method } = request
  if (body === null) {
    if (bodyLength !== null && bodyLength !== 0) return refuseBody('a length without a body')
    if (method === 'GET' || method === 'HEAD') return none
    return bodyLength === 0 || expectsBody(method) ? zero : none
  }
  if (bodyLength === null) return chunked
  if (!Number.isSafeInteger(bodyLength) || bodyLength < 0) return refuseBody('bad length of the body')
  if (Buffer.isBuffer(body) && body.length !== bodyLength) return refuseBody('a length other than that of the body')
  return { body: 'length', length: bodyLength, reason: 'length known' }
}

export function encodeHead(request: ExchangeRequest): EncodedHead {
  const { method, path, headers } = request
  if (!isToken(method) || method === 'CONNECT') return { problem: 'bad method' }
  if (!isTarget(path)) return { problem: 'bad request target' }
  const framing = decideRequestFraming(request)
  if (framing.body === 'invalid') return { problem: framing.reason }
  let lines = learned.textOf(headers)
  if (lines === null) {
    const problem = findBadLine(headers, true)
    if (problem !== null) return { problem }
    lines = linesOf(headers)
  }
  return { text: `${method} ${path} HTTP/1.1\r\n${lines}${framingLine(framing)}`, problem: null }
}

function linesOf(fields: readonly string[]): string {
  let text = ''
  for (let i = 0; i < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`
  return text
}

/** Trailer section with the last chunk in front (RFC 9112 §7.1); null if a line may not be written. */
export function encodeLastChunk(trailers: readonly string[] | null): string | null {
  if (trailers === null || trailers.length === 0) return '0\r\n\r\n'
  if (findBadLine(trailers, false) !== null) return null
  const allowed = allowedTrailers(trailers)
  return `0\r\n${linesOf(allowed)}\r\n`
}

/** Origin-form or asterisk-form (RFC 9112 §3.2). */
function isTarget(path: string): boolean {
  return (path.charCodeAt(0) === 0x2f || path === '*') && consistsOf(targetCharacters, path)
}

function expectsBody(method: string): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH'
}

function findBadLine(lines: readonly string[], isHead: boolean): string | null {
  if (lines.length % 2 !== 0) return 'a field without a value'
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i] as string
    if (name.length === 0 || !consistsOf(tokenCharacters, name)) return 'bad field name'
    if (isHead && isFraming(name)) return 'a framing field among the headers'
    if (!consistsOf(valueCharacters, lines[i + 1] as string)) return 'bad field value'
  }
  return null
}

/** The connection alone writes these two: a second one would be a second opinion about the end of the body. */
function isFraming(name: string): boolean {
  return isNamed(name, 'content-length') || isNamed(name, 'transfer-encoding')
}

/** The framing field with the blank line that ends the head. */
function framingLine(framing: RequestFraming): string {
  switch (framing.body) {
    case 'length':
      return `Content-Length: ${framing.length}\r\n\r\n`
    case 'zero':
      return 'Content-Length: 0\r\n\r\n'
    case 'chunked':
      return 'Transfer-Encoding: chunked\r\n\r\n'
    default:
      return '\r\n'
  }
}

function refuseBody(reason: string): RequestFraming {
  return { body: 'invalid', reason }
}
