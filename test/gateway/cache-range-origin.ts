/**
 * An origin of objects that are asked for in ranges (RFC 9110 §13, §14), each able to do so to its own degree, and the
 * reading of what a client gets: which bytes of which version of an object an answer holds.
 */
import type { RawAnswer } from '../support/raw-client.ts'
import type { RawRequest, Script } from '../support/raw-origin.ts'

export interface StoredObject {
  readonly size: number
  readonly tag: 'strong' | 'weak' | 'none'
  readonly control: string
  /** What the origin makes of a Range field. */
  readonly ranges: 'ignored' | 'single' | 'multipart'
  readonly isChunked: boolean
  /** An object with a tag may change; its first version is 1. */
  version: number
}

export const lastModified = 'Mon, 01 Jan 2024 00:00:00 GMT'

export const tagOf = ({ tag }: Pick<StoredObject, 'tag'>, version: number) =>
  tag === 'none' ? null : `${tag === 'weak' ? 'W/' : ''}"v${version}"`

/** Each is asked for with every answer, and there are few: making one takes longer than the exchange. */
const made = new Map<string, Buffer>()

/** The bytes of a version; no two stretches of any length are the same. */
export function bytesOf({ size }: Pick<StoredObject, 'size'>, version: number): Buffer {
  const name = `${size} ${version}`
  const bytes = made.get(name) ?? makeBytes(size, version)
  made.set(name, bytes)
  return bytes
}

function makeBytes(size: number, version: number): Buffer {
  const blocks = Array.from({ length: Math.ceil((size + version) / 8) }, (_, i) => `${version}.${i}`.padEnd(8, '-'))
  return Buffer.from(blocks.join('').slice(0, size))
}

export type Span = readonly [first: number, last: number]

/**
 * Ranges that a field asks for of so many bytes: null where it is malformed or of another unit, empty where none can be
 * satisfied.
 */
export function spansOf(field: string | undefined, size: number): Span[] | null {
  const specs = /^bytes=(.*)$/i
    .exec(field ?? '')?.[1]
    ?.split(',')
    .map(spec => spec.trim())
  if (specs === undefined || specs.some(spec => !/^(\d+-\d*|-\d+)$/.test(spec))) return null
  const spans: Span[] = []
  for (const spec of specs) {
    const [from = '', to = ''] = spec.split('-')
    if (from !== '' && to !== '' && Number(to) < Number(from)) return null
    const first = from === '' ? Math.max(0, size - Number(to)) : Number(from)
    const last = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1)
    if (first <= last) spans.push([first, last])
  }
  return spans
}

/** Answers for the object under each path; `objects` may grow and change. */
export function rangeOrigin(objects: ReadonlyMap<string, StoredObject>): Script {
  return (request, socket) => {
    const object = objects.get(request.target)
    if (object === undefined) return void socket.write('HTTP/1.1 404 None\r\nContent-Length: 0\r\n\r\n')
    socket.write(answerFor(object, request))
  }
}

function answerFor(object: StoredObject, { method, headers }: RawRequest): Buffer {
  const body = bytesOf(object, object.version)
  const tag = tagOf(object, object.version)
  const lines = [`Last-Modified: ${lastModified}`, `Cache-Control: ${object.control}`, 'Content-Type: video/x-test']
  if (tag !== null) lines.push(`ETag: ${tag}`)
  if (tag !== null && headers['if-none-match']?.includes(tag)) return bytes(304, lines)
  if (tag === null && headers['if-modified-since'] === lastModified) return bytes(304, lines)
  if (method === 'HEAD') return bytes(200, [...lines, `Content-Length: ${body.length}`])
  const spans = isRangeValid(object, headers) ? spansOf(headers['range'], body.length) : null
  if (spans === null || object.ranges === 'ignored') return whole(object, lines, body)
  if (spans.length === 0) return bytes(416, [`Content-Range: bytes */${body.length}`, 'Content-Length: 0'])
  if (spans.length === 1) return single(lines, body, spans[0] as Span)
  return object.ranges === 'multipart' ? multipart(lines, body, spans) : whole(object, lines, body)
}

function isRangeValid(object: StoredObject, headers: RawRequest['headers']): boolean {
  const condition = headers['if-range']
  if (condition === undefined || condition === lastModified) return true
  return object.tag === 'strong' && condition === tagOf(object, object.version)
}

function bytes(status: number, lines: readonly string[], body: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.from([`HTTP/1.1 ${status} Status`, ...lines, '', ''].join('\r\n')), body])
}

function whole({ isChunked }: StoredObject, lines: readonly string[], body: Buffer): Buffer {
  if (!isChunked) return bytes(200, [...lines, `Content-Length: ${body.length}`], body)
  const chunk = body.length === 0 ? [] : [Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n')]
  return bytes(200, [...lines, 'Transfer-Encoding: chunked'], Buffer.concat([...chunk, Buffer.from('0\r\n\r\n')]))
}

const contentRange = ([first, last]: Span, size: number) => `Content-Range: bytes ${first}-${last}/${size}`

function single(lines: readonly string[], body: Buffer, [first, last]: Span): Buffer {
  const more = [contentRange([first, last], body.length), `Content-Length: ${last - first + 1}`]
  return bytes(206, [...lines, ...more], body.subarray(first, last + 1))
}

function multipart(lines: readonly string[], body: Buffer, spans: readonly Span[]): Buffer {
  const parts = spans.flatMap(span => [
    Buffer.from(`\r\n--cut-here\r\n${contentRange(span, body.length)}\r\n\r\n`),
    body.subarray(span[0], span[1] + 1),
  ])
  const all = Buffer.concat([...parts, Buffer.from('\r\n--cut-here--\r\n')])
  const kept = lines.filter(line => !line.startsWith('Content-Type'))
  const type = 'Content-Type: multipart/byteranges; boundary=cut-here'
  return bytes(206, [...kept, type, `Content-Length: ${all.length}`], all)
}

/** A stretch of bytes that an answer says to be at `first` of `size`. */
export interface Part {
  readonly first: number
  readonly size: number
  readonly bytes: Buffer
}

/** The parts of a 206 (RFC 9110 §15.3.7). Throws where it is malformed. */
export function partsOf({ headers, body }: RawAnswer): Part[] {
  const boundary = /^multipart\/byteranges; *boundary="?([^"]+)"?$/i.exec(headers['content-type'] ?? '')?.[1]
  if (boundary === undefined) return [partAt(headers['content-range'], body)]
  if (headers['content-range'] !== undefined) throw new Error('Content-Range beside multipart/byteranges')
  const parts: Part[] = []
  let at = body.indexOf(`--${boundary}`)
  while (body.subarray(at, at + boundary.length + 4).toString() === `--${boundary}\r\n`) {
    const end = body.indexOf('\r\n\r\n', at)
    const field = /^content-range: *(.*)$/im.exec(body.subarray(at, end).toString())?.[1]?.trim()
    const part = partAt(field, body.subarray(end + 4))
    parts.push(part)
    at = end + 4 + part.bytes.length + 2
  }
  if (parts.length === 0 || body.subarray(at).toString().trimEnd() !== `--${boundary}--`) throw new Error('cut parts')
  return parts
}

function partAt(field: string | undefined, bytes: Buffer): Part {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(field ?? '')
  if (match === null) throw new Error(`Content-Range: ${field}`)
  const [first, last, size] = match.slice(1).map(Number) as [number, number, number]
  const length = last - first + 1
  if (bytes.length < length) throw new Error(`${bytes.length} bytes for ${field}`)
  return { first, size, bytes: bytes.subarray(0, length) }
}
