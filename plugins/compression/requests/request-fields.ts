/**
 * The fields of a request's head that say what its body is, read in one pass, and the head as it is once the body has
 * another coding: Content-Encoding and digests stay true (RFC 9110 §8.4, RFC 9530). Pure.
 */

import { hasDirective } from '../rules/answer-fields.ts'
import type { Coding } from '../rules/types.ts'

export interface RequestBodyFields {
  contentType: string | null
  /** All lines joined; null = no such field. */
  contentEncoding: string | null
  /** RFC 9111 §5.2.1.6 */
  noTransform: boolean
  /** A part of what is to be stored, by an offset that counts the bytes as they are (RFC 9110 §14.5, tus). */
  isPart: boolean
  /** A digest is over the bytes as they are. */
  isDigested: boolean
  /** A signature may cover the bytes, or a field that another coding changes: then nothing may be changed. */
  isSigned: boolean
}

/** Digests of the bytes on the wire or of the coded representation; the first two are of older specifications. */
const digests: ReadonlySet<string> = new Set(['content-md5', 'digest', 'content-digest', 'repr-digest'])
/** Sums of a file that apps compare with what they have stored; not ours to take off. */
const sums: ReadonlySet<string> = new Set(['oc-checksum', 'upload-checksum', 'x-goog-hash'])
const S3_SUM = 'x-amz-checksum-'
/** RFC 9421, and that of S3. */
const signatures: ReadonlySet<string> = new Set(['signature', 'signature-input', 'x-amz-content-sha256'])
/** Schemes of Authorization that sign the request: AWS SigV4 and SigV4A hash the body, the other is RFC 9421's ancestor. */
const signingSchemes = /^(?:aws4-|signature )/i
/**
 * Uploads in parts: ranges, the offsets of tus and of its successor at the IETF, the chunks of Nextcloud, the partial
 * update of SabreDAV.
 */
const parts: ReadonlySet<string> = new Set([
  ...['content-range', 'upload-offset', 'upload-length', 'upload-complete', 'tus-resumable'],
  ...['oc-chunked', 'oc-chunk-size', 'oc-total-length', 'x-update-range'],
])

/** `headers` is flat, `[name, value, …]`. */
export function readRequestBodyFields(headers: readonly string[]): RequestBodyFields {
  const read: RequestBodyFields = {
    contentType: null,
    contentEncoding: null,
    noTransform: false,
    isPart: false,
    isDigested: false,
    isSigned: false,
  }
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const lower = (headers[i] as string).toLowerCase()
    const value = headers[i + 1] as string
    if (lower === 'content-type') read.contentType = value
    else if (lower === 'content-encoding') read.contentEncoding = joined(read.contentEncoding, value)
    else if (lower === 'cache-control') read.noTransform ||= hasDirective(value, 'no-transform')
    else if (parts.has(lower)) read.isPart = true
    else if (digests.has(lower) || sums.has(lower) || lower.startsWith(S3_SUM)) read.isDigested = true
    else if (signatures.has(lower) || (lower === 'authorization' && signingSchemes.test(value))) read.isSigned = true
  }
  return read
}

function joined(before: string | null, value: string): string {
  return before === null ? value : `${before}, ${value}`
}

/** Without the coding, and without what was true of the coded bytes only. */
export function decodedHead(headers: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const lower = (headers[i] as string).toLowerCase()
    if (lower !== 'content-encoding' && !digests.has(lower)) kept.push(headers[i] as string, headers[i + 1] as string)
  }
  return kept
}

/** Only for a head that has no digest. */
export function encodedHead(headers: readonly string[], coding: Coding): string[] {
  return [...headers, 'Content-Encoding', coding]
}
