/**
 * Whether an answer is, in itself, a true form of what the origin has: its bytes, its coding, its part, its validators
 * (RFC 9110 §8, §12.5.3, §13, §14).
 */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import type { RawAnswer } from '../support/raw-client.ts'
import type { Asked } from './cache-model-judge.ts'
import { type Representation, type Said, takes } from './cache-model-origin.ts'
import { partsOf, spansOf } from './cache-range-origin.ts'

/** Why it is not; null where it is. */
export function contentFault(said: Said, asked: Asked, got: RawAnswer): string | null {
  return codingFault(said, asked, got) ?? bodyFault(said, asked, got) ?? tagFault(said, asked, got)
}

function codingFault(
  { manner, representation }: Said,
  { fields }: Asked,
  { headers, status }: RawAnswer,
): string | null {
  const coding = headers['content-encoding']
  if (coding === undefined || status === 304 || status === 416) return null
  const isOrigins = representation.isCoded && coding === 'gzip'
  if (isOrigins && (/no-transform/.test(manner.control) || /no-transform/.test(fields['cache-control'] ?? '')))
    return null
  // A part of what the origin has encoded cannot be decoded on the way.
  if (isOrigins && status === 206) return null
  if (/no-transform/.test(manner.control)) return `${coding} in spite of no-transform`
  if (!takes(fields['accept-encoding'], coding) && !(isOrigins && fields['accept-encoding'] === undefined))
    return `${coding} for '${fields['accept-encoding']}'`
  return null
}

function decoded({ headers, body }: RawAnswer): Buffer {
  const coding = headers['content-encoding']
  if (coding === 'gzip') return gunzipSync(body)
  if (coding === 'br') return brotliDecompressSync(body)
  return coding === 'zstd' ? zstdDecompressSync(body) : body
}

function bodyFault(said: Said, asked: Asked, got: RawAnswer): string | null {
  const { representation } = said
  const { status, headers } = got
  if (asked.method === 'HEAD') return lengthFault(representation, got)
  if (status === 200) {
    try {
      return decoded(got).equals(representation.plain)
        ? null
        : `not the bytes of ${representation.id}: ${decoded(got).subarray(0, 60)}`
    } catch (error) {
      return `cannot be decoded: ${error}`
    }
  }
  if (status === 206) return rangeFault(said, asked, got)
  if (status === 416) {
    return headers['content-range'] === `bytes */${representation.sent.length}`
      ? null
      : `416 ${headers['content-range']}`
  }
  return status === 304 ? null : `status ${status}`
}

function lengthFault({ plain, sent, isCoded }: Representation, { status, headers }: RawAnswer): string | null {
  const length = headers['content-length']
  if (status !== 200 || length === undefined) return null
  const coding = headers['content-encoding']
  if (coding === undefined)
    return Number(length) === plain.length ? null : `HEAD says ${length} bytes of ${plain.length}`
  return !isCoded || Number(length) === sent.length ? null : `HEAD says ${length} bytes of ${sent.length}`
}

function rangeFault({ representation }: Said, { fields }: Asked, got: RawAnswer): string | null {
  const { headers } = got
  const whole = headers['content-encoding'] === undefined ? representation.plain : representation.sent
  if ((headers['content-encoding'] === 'gzip') !== representation.isCoded) return 'a part of another coding'
  const spans = spansOf(fields['range'], whole.length)
  if (spans === null || spans.length === 0) return `206 for ${fields['range']}`
  for (const { first, bytes, total } of partsOf(got) as { first: number; bytes: Buffer; total?: number }[]) {
    if (total !== undefined && total !== whole.length) return `a part of ${total} bytes, not ${whole.length}`
    if (!whole.subarray(first, first + bytes.length).equals(bytes)) return `not the bytes from ${first}`
  }
  const condition = fields['if-range']
  if (condition === undefined) return null
  const isTrue = condition.startsWith('"') ? condition === representation.tag : condition === representation.modified
  return isTrue ? null : `206 although If-Range ${condition} is not ${representation.tag}`
}

/** Behind the tag of a form that the gateway made. */
const marked = /~hg-[a-z]+"$/

function tagFault({ representation, serial }: Said, asked: Asked, got: RawAnswer): string | null {
  const { headers, status } = got
  const tag = headers['etag']
  const { fields } = asked
  if (status === 416) return null
  if (representation.tag !== null && tag !== undefined) {
    if (tag.replace(marked, '"') !== representation.tag)
      return `tag ${tag} where serial ${serial} has ${representation.tag}`
    const coding = headers['content-encoding']
    const isOwn = coding !== undefined && !representation.isCoded
    if (
      status === 200 &&
      asked.method === 'GET' &&
      !tag.startsWith('W/') &&
      isOwn !== tag.includes('~hg-') &&
      !(representation.isCoded && coding === undefined)
    )
      return `tag ${tag} on ${coding ?? 'plain'} bytes`
    if (
      status === 200 &&
      !tag.startsWith('W/') &&
      representation.isCoded &&
      coding === undefined &&
      !tag.includes('~hg-decoded')
    )
      return `tag ${tag} on decoded bytes`
  }
  if (status !== 304) return null
  const none = fields['if-none-match']
  if (none !== undefined) {
    if (none === '*') return null
    if (tag === undefined) return '304 without a tag'
    // A tag of ours that it names is one of a form that it takes (§13.1.2).
    const list = none.split(',').map(each => each.trim().replace('W/', ''))
    return list.includes(tag.replace('W/', '')) ? null : `304 with ${tag} for ${none}`
  }
  const since = fields['if-modified-since']
  if (since === undefined) return '304 to an unconditional request'
  const modified = representation.modified
  return modified === null || Date.parse(modified) <= Date.parse(since)
    ? null
    : `304 for ${since}, modified ${modified}`
}
