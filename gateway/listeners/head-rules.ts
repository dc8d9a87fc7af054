/**
 * Which request heads are refused before any handler sees them: what Node's parser and nghttp2 let through although it
 * is ambiguous to someone behind us (RFC 9112 §3.2, §6.1, RFC 9113 §8.2, §8.3).
 */
import { METHODS } from 'node:http'
import { isValidHost } from './host-syntax.ts'

export interface RequestHead {
  readonly http2: boolean
  /** `1.1`, `1.0`, … as Node tells it. */
  readonly version: string
  readonly method: string
  readonly target: string
  /** Names and values in turn, pseudo-header fields included. */
  readonly fields: readonly string[]
}

export type HeadDecision =
  /** `underscores`: there are names with `_`, which must be dropped: some origins read X_Real_Ip as X-Real-Ip. */
  { readonly admit: true; readonly underscores: boolean } | HeadRefusal

export interface HeadRefusal {
  readonly admit: false
  readonly status: number
  readonly reason: string
}

/** Bytes of a request target; RFC 9112 §3 asks for at least 8,000. */
export const MAX_TARGET_LENGTH = 16_384

/** Methods that the app can route. Over HTTP/1.1 the parser refuses the others, over HTTP/2 it does not. */
const known: ReadonlySet<string> = new Set(METHODS)

const plain: HeadDecision = { admit: true, underscores: false }
const tooLarge: HeadRefusal = { admit: false, status: 413, reason: 'content too large' }
const withUnderscores: HeadDecision = { admit: true, underscores: true }

/** Browsers split Cookie into one field a cookie over HTTP/2 (RFC 9113 §8.2.3), and keep 180 a site; more get 431. */
export const MAX_CRUMBS = 256

export interface HeadBounds {
  /** Field lines, without the pseudo-header fields of HTTP/2, and with its cookies as the line they are elsewhere. */
  readonly headerLines: number
  /** Bytes of names and values over HTTP/2; over HTTP/1.1 the parser has counted. */
  readonly headerSize: number
}

export function decideHead(head: RequestHead, bounds: HeadBounds): HeadDecision {
  return refusalOfLine(head) ?? (head.http2 ? decideFields2(head, bounds) : decideFields1(head, bounds.headerLines))
}

function refusalOfLine(head: RequestHead): HeadRefusal | null {
  if (!head.http2 && head.version !== '1.1' && head.version !== '1.0') return refuse(505, 'HTTP version not supported')
  if (head.target.length > MAX_TARGET_LENGTH) return refuse(414, 'request target too long')
  // RFC 9110 §9.1.
  if (head.http2 && !known.has(head.method)) return refuse(501, 'unknown method')
  if (!isValidTarget(head)) return refuse(400, 'malformed request target')
  return null
}

function decideFields1(head: RequestHead, maxLines: number): HeadDecision {
  const { fields } = head
  if (fields.length / 2 > maxLines) return refuse(431, 'too many header lines')
  let hosts = 0
  let underscores = false
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string
    if (name.length === 4 && name.toLowerCase() === 'host') {
      hosts++
      if (!isValidHost(fields[i + 1] as string)) return refuse(400, 'malformed Host')
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      const refusal = refusalOfCoding(head, fields[i + 1] as string)
      if (refusal !== null) return refusal
    } else if (name.length === 14 && name.toLowerCase() === 'content-length') {
      if (isEndless(fields[i + 1] as string)) return tooLarge
    } else if (name.includes('_')) underscores = true
  }
  if (hosts > 1) return refuse(400, 'more than one Host')
  if (hosts === 0 && head.version === '1.1') return refuse(400, 'no Host')
  return underscores ? withUnderscores : plain
}

/** A length that cannot be counted to (RFC 9110 §8.6 warns of overflows). */
function isEndless(length: string): boolean {
  return length.length > 15 && !Number.isSafeInteger(Number(length))
}

/** A coded body could only be passed on as it is, and the origin has not been asked whether it knows the coding. */
function refusalOfCoding(head: RequestHead, coding: string): HeadRefusal | null {
  if (head.version !== '1.1') return refuse(400, 'Transfer-Encoding in HTTP/1.0')
  return coding.trim().toLowerCase() === 'chunked' ? null : refuse(501, 'unknown transfer coding')
}

function decideFields2(head: RequestHead, { headerLines, headerSize }: HeadBounds): HeadDecision {
  const { fields } = head
  let authority: string | null = null
  let host: string | null = null
  let lines = 0
  let crumbs = 0
  let bytes = 0
  let underscores = false
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string
    const value = fields[i + 1] as string
    bytes += name.length + value.length
    if (hasControl(value) || hasForeignByte(name)) return refuse(400, 'malformed field')
    if (name.charCodeAt(0) === 58) {
      if (name === ':authority') authority = value
      continue
    }
    if (name !== 'cookie') lines++
    else if (crumbs++ === 0) lines++
    if (isConnectionSpecific(name, value)) return refuse(400, 'connection-specific field in HTTP/2')
    if (name === 'host') {
      if (host !== null) return refuse(400, 'more than one Host')
      host = value
    } else if (name === 'content-length') {
      if (isEndless(value)) return tooLarge
    } else if (name.includes('_')) underscores = true
  }
  if (lines > headerLines || crumbs > MAX_CRUMBS) return refuse(431, 'too many header lines')
  // Node counts too, but by the settings that the client has acknowledged: who never does so may send 64 KiB.
  if (bytes > headerSize) return refuse(431, 'header too large')
  return refusalOfAuthority(authority, host) ?? (underscores ? withUnderscores : plain)
}

function refusalOfAuthority(authority: string | null, host: string | null): HeadRefusal | null {
  const named = authority ?? host
  if (named === null || !isValidHost(named)) return refuse(400, 'malformed authority')
  if (host !== null && host.toLowerCase() !== named.toLowerCase()) return refuse(400, ':authority and Host differ')
  return null
}

/** RFC 9113 §8.2.2. */
function isConnectionSpecific(name: string, value: string): boolean {
  switch (name) {
    case 'connection':
    case 'keep-alive':
    case 'proxy-connection':
    case 'transfer-encoding':
    case 'upgrade':
      return true
    case 'te':
      return value.toLowerCase() !== 'trailers'
    default:
      return false
  }
}

/** Origin-form, `*` of OPTIONS, or an absolute http(s) URL without user information (RFC 9112 §3.2); no fragment. */
function isValidTarget({ target, method, http2 }: RequestHead): boolean {
  if (target.charCodeAt(0) !== 47) {
    if (target === '*') return method === 'OPTIONS'
    if (http2 || !isAbsolute(target)) return false
  }
  return !target.includes('#') && !hasForeignTargetByte(target)
}

function isAbsolute(target: string): boolean {
  const start = startOfAuthority(target)
  if (start === 0) return false
  let end = target.length
  for (const stop of ['/', '?']) {
    const at = target.indexOf(stop, start)
    if (at !== -1 && at < end) end = at
  }
  return isValidHost(target.slice(start, end))
}

function startOfAuthority(target: string): number {
  const scheme = target.slice(0, 8).toLowerCase()
  if (scheme === 'https://') return 8
  return scheme.startsWith('http://') ? 7 : 0
}

/** Space, controls and bytes above ASCII have no place in a target. */
function hasForeignTargetByte(target: string): boolean {
  for (let i = 0; i < target.length; i++) {
    const code = target.charCodeAt(i)
    if (code <= 32 || code >= 127) return true
  }
  return false
}

function hasControl(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if ((code < 32 && code !== 9) || code === 127) return true
  }
  return false
}

/** Names in HTTP/2 are lower-case tokens; the colon of a pseudo-header field stands first. */
function hasForeignByte(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i)
    if (code <= 32 || code >= 127 || (code >= 65 && code <= 90) || (code === 58 && i > 0)) return true
  }
  return name.length === 0
}

function refuse(status: number, reason: string): HeadRefusal {
  return { admit: false, status, reason }
}

/** Takes the lines whose name has a `_` out of both views of the head, in place. */
export function dropUnderscores(rawHeaders: string[], headers: Record<string, unknown>): void {
  let kept = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.includes('_')) {
      delete headers[name.toLowerCase()]
      continue
    }
    rawHeaders[kept++] = name
    rawHeaders[kept++] = rawHeaders[i + 1] as string
  }
  rawHeaders.length = kept
}
