/**
 * Whether an answer is right: every byte of it that of the version it names, in the ranges that were asked for
 * (RFC 9110 §13.1.5, §14.2, §15.3.7, §15.5.17).
 */
import type { RawAnswer } from '../support/raw-client.ts'
import { bytesOf, lastModified, partsOf, type Span, type StoredObject, spansOf } from './cache-range-origin.ts'

/** More ranges than these are answered with the whole. */
export const MOST_RANGES = 8

export interface Ask {
  readonly method: string
  readonly range: string | null
  readonly condition: 'none' | 'tag' | 'wrong-tag' | 'date' | 'wrong-date'
}

/** The value of If-Range, for a client that knows this version. */
export function ifRange({ condition }: Ask, tag: string | null): string | null {
  if (condition === 'tag') return tag
  if (condition === 'wrong-tag') return '"other"'
  if (condition === 'date') return lastModified
  return condition === 'wrong-date' ? 'Tue, 02 Jan 2024 00:00:00 GMT' : null
}

/** Throws, with all there is to know, unless the answer is right. */
export function mustBeRight(got: RawAnswer, asked: Ask, of: StoredObject, known: string | null): void {
  const wrong = reading(() => wrongIn(got, asked, of, known))
  if (wrong !== null) throw new Error(`${wrong}\n${show(of, asked, got)}`)
}

export const show = (of: StoredObject, asked: Ask, got: RawAnswer) =>
  `${JSON.stringify(of)}\n${JSON.stringify(asked)}\n${[got.line, ...got.lines].join('\n')}`

function reading(judge: () => string | null): string | null {
  try {
    return judge()
  } catch (error) {
    return (error as Error).message
  }
}

function versionIn(got: RawAnswer, of: StoredObject): number {
  return of.tag === 'none' ? 1 : Number(/v(\d+)"$/.exec(got.headers['etag'] ?? '')?.[1] ?? Number.NaN)
}

/** Positions as text, for comparison: `0-4 9-9`. */
function union(spans: readonly Span[]): string {
  const joined: [number, number][] = []
  for (const [first, last] of [...spans].sort((a, b) => a[0] - b[0])) {
    const before = joined.at(-1)
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last)
    else joined.push([first, last])
  }
  return joined.map(span => span.join('-')).join(' ')
}

/** Why this is no answer to what was asked; null when every byte is right. */
function wrongIn(got: RawAnswer, asked: Ask, of: StoredObject, known: string | null): string | null {
  if (got.status === 416) return wrongRefusal(got, asked, of)
  const version = versionIn(got, of)
  const body = bytesOf(of, version)
  if (Number.isNaN(version) || version > of.version) return `ETag: ${got.headers['etag']}`
  if (!got.isWhole) return 'a cut answer'
  if (got.status === 200) return wrongWhole(got, asked, body)
  if (got.status !== 206) return `status ${got.status}`
  if (asked.range === null || asked.method === 'HEAD') return '206 to a request for the whole'
  const condition = ifRange(asked, known)
  const isDate = condition === lastModified
  const isMet = condition === null || isDate || (of.tag === 'strong' && condition === got.headers['etag'])
  if (!isMet) return `206 despite If-Range: ${condition}`
  const parts = partsOf(got)
  for (const { first, size, bytes } of parts) {
    const isRight = size === body.length && bytes.equals(body.subarray(first, first + bytes.length))
    if (!isRight) return `other bytes at ${first} of ${size}: ${bytes.subarray(0, 40)}`
  }
  const spans = spansOf(asked.range, body.length)
  const sent = union(parts.map(({ first, bytes }) => [first, first + bytes.length - 1]))
  return spans !== null && sent === union(spans) ? null : `${sent} instead of ${union(spans ?? [])}`
}

function wrongWhole(got: RawAnswer, { method }: Ask, body: Buffer): string | null {
  if (got.headers['content-range'] !== undefined) return '200 with Content-Range'
  const length = got.headers['content-length']
  if (method === 'HEAD') return length === undefined || Number(length) === body.length ? null : `HEAD says ${length}`
  return got.body.equals(body) ? null : `${got.body.length} of ${body.length} bytes, or others`
}

function wrongRefusal(got: RawAnswer, asked: Ask, of: StoredObject): string | null {
  if (asked.range === null || asked.method === 'HEAD') return '416 to a request for the whole'
  const says = got.headers['content-range']
  if (says !== `bytes */${of.size}`) return `416 with Content-Range: ${says}`
  return (spansOf(asked.range, of.size) ?? []).length === 0 ? null : '416 for what is there'
}

/** The status with which a stored object of one version has to be answered; null where two are right. */
export function statusOf(asked: Ask, of: StoredObject): number | null {
  const spans = spansOf(asked.range ?? undefined, of.size)
  const count = asked.range?.split(',').length ?? 0
  if (asked.method === 'HEAD' || spans === null || asked.range === null || count > MOST_RANGES) return 200
  if (asked.condition.startsWith('wrong') || (asked.condition === 'tag' && of.tag === 'weak')) return 200
  if (spans.length > 0) return 206
  return of.size === 0 ? null : 416
}
