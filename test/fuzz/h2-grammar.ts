/** HTTP/2 requests as frames: fields, framing and order right and wrong (RFC 9113 §6 and §8, RFC 7541 §6). */
import fc from 'fast-check'
import { endHeaders, endStream, fields, frame, type } from '../gateway/listeners/raw-h2.ts'

export interface H2Request {
  readonly fields: readonly (readonly [string, string])[]
  readonly body: string
}

export interface H2Sent {
  readonly bytes: Buffer
  /** What was asked where nothing was off, by stream; the most that may reach the origin. */
  readonly requests: readonly H2Request[]
}

const names = fc.constantFrom('x-a', 'x-b', 'accept', 'cookie', 'x-c', 'range')
const oddNames = fc.constantFrom(
  'X-Upper',
  'x a',
  'x:a',
  '',
  'connection',
  'transfer-encoding',
  'host',
  'content-length',
  'x_under',
  'x\r\ny',
  'te',
  'upgrade',
  'keep-alive',
  ':path',
  ':bogus',
  'x\0',
  'x-\xe9',
  'proxy-connection',
  '__proto__',
  'expect',
  'trailer',
)
const values = fc.constantFrom('1', 'v w', 'a=b', '', 'bytes=0-3', '\xe9')
const oddValues = fc.constantFrom(
  'a\r\nX: y',
  'a\n',
  'a\0b',
  ' lead',
  'trail ',
  '5',
  '0',
  '-1',
  'chunked',
  'close',
  'other.test',
  'trailers',
  'v'.repeat(9_000),
  'v'.repeat(40_000),
  '100-continue',
  'a\rb',
  '\x7f',
)
const field = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(names, values) },
  { weight: 1, arbitrary: fc.tuple(oddNames, fc.oneof(values, oddValues)) },
  { weight: 1, arbitrary: fc.tuple(names, oddValues) },
)

const pseudo = fc.record({
  method: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom('GET', 'POST', 'PUT', 'HEAD', 'OPTIONS') },
    { weight: 1, arbitrary: fc.constantFrom('CONNECT', 'get', '', 'G T', 'GET / HTTP/1.1\r\nX:', 'TRACE') },
  ),
  scheme: fc.oneof(
    { weight: 8, arbitrary: fc.constant('https') },
    { weight: 1, arbitrary: fc.constantFrom('http', '', 'https://x/?', 'a b', 'ftp') },
  ),
  authority: fc.oneof(
    { weight: 8, arbitrary: fc.constant('fuzz.test') },
    {
      weight: 1,
      arbitrary: fc.constantFrom('', 'u@fuzz.test', 'a b', 'fuzz.test/x', 'fuzz.test\r\nX: y', 'other.test:99999'),
    },
  ),
  path: fc.oneof(
    { weight: 8, arbitrary: fc.stringMatching(/^\/[a-z]{1,6}(\?[a-z=]{0,4})?$/) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '',
        '*',
        'x',
        '/a b',
        '/ HTTP/1.1\r\nHost: x\r\n\r\n',
        '/a#b',
        '//x',
        '/../x',
        '/\0',
        '/\xe9',
        'http://other.test/',
      ),
    },
  ),
  drop: fc.oneof({ weight: 12, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 3 }) }),
  twice: fc.oneof({ weight: 12, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 3 }) }),
  isLast: fc.oneof({ weight: 12, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
})

const body = fc.record({
  parts: fc.array(fc.string({ unit: 'binary-ascii', maxLength: 20 }), { maxLength: 3 }),
  length: fc.oneof(
    { weight: 4, arbitrary: fc.constant('none' as const) },
    { weight: 3, arbitrary: fc.constant('right' as const) },
    { weight: 1, arbitrary: fc.constantFrom('more' as const, 'less' as const, 'twice' as const) },
  ),
  trailers: fc.oneof(
    { weight: 5, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(field, { minLength: 1, maxLength: 2 }) },
  ),
  pad: fc.boolean(),
})

/** Frames that are out of place, between those of a request. */
const stray = fc.oneof(
  { weight: 10, arbitrary: fc.constant(null) },
  {
    weight: 1,
    arbitrary: fc
      .record({
        kind: fc.integer({ min: 0, max: 12 }),
        flags: fc.nat(255),
        stream: fc.constantFrom(0, 1, 2, 3, 5, 99),
        payload: fc.uint8Array({ maxLength: 16 }),
      })
      // DATA or HEADERS on a stream of the case would be part of what it asks.
      .map(each => (each.kind > 1 ? each : { ...each, stream: each.stream % 2 === 0 ? each.stream : 0 })),
  },
)

const request = fc.record({
  pseudo,
  fields: fc.array(field, { maxLength: 4 }),
  body,
  stray,
  split: fc.option(fc.nat(), { freq: 4 }),
})

type Drawn = typeof request extends fc.Arbitrary<infer T> ? T : never

function listOf({
  pseudo: { method, scheme, authority, path, drop, twice, isLast },
  fields: more,
  body: { parts, length },
}: Drawn): [string, string][] {
  let first: [string, string][] = [
    [':method', method],
    [':scheme', scheme],
    [':authority', authority],
    [':path', path],
  ]
  const again = first[twice]
  if (again !== undefined) first.push([again[0], again[1]])
  first = first.filter((_, i) => i !== drop)
  const size = parts.join('').length
  const lengths = { none: [], right: [size], more: [size + 3], less: [Math.max(0, size - 2)], twice: [size, size] }[
    length
  ]
  const rest: [string, string][] = [
    ...more.map(([n, v]): [string, string] => [n, v]),
    ...lengths.map((n): [string, string] => ['content-length', String(n)]),
  ]
  return isLast ? [...rest, ...first] : [...first, ...rest]
}

function framesOf(drawn: Drawn, stream: number): Buffer[] {
  const { parts, trailers, pad } = drawn.body
  const block = fields(listOf(drawn))
  const out: Buffer[] = []
  const end = parts.length === 0 && trailers.length === 0 ? endStream : 0
  const at = drawn.split === null ? block.length : Math.min(drawn.split % (block.length + 1), 16_000)
  const pieces = [block.subarray(0, Math.min(at, 16_000)), ...cut(block.subarray(Math.min(at, 16_000)))]
  pieces.forEach((piece, i) => {
    const flags = (i === 0 ? end : 0) | (i === pieces.length - 1 ? endHeaders : 0)
    out.push(frame(i === 0 ? type.headers : type.continuation, flags, stream, piece))
  })
  if (drawn.stray !== null)
    out.push(frame(drawn.stray.kind, drawn.stray.flags, drawn.stray.stream, Buffer.from(drawn.stray.payload)))
  parts.forEach((part, i) => {
    const flags = i === parts.length - 1 && trailers.length === 0 ? endStream : 0
    const bytes = Buffer.from(part, 'latin1')
    out.push(
      pad
        ? frame(type.data, flags | 8, stream, Buffer.concat([Buffer.from([3]), bytes, Buffer.alloc(3)]))
        : frame(type.data, flags, stream, bytes),
    )
  })
  if (trailers.length > 0) out.push(frame(type.headers, endStream | endHeaders, stream, fields(trailers)))
  return out
}

function cut(block: Buffer): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < block.length; at += 16_000) pieces.push(block.subarray(at, at + 16_000))
  return pieces
}

export const h2Sent: fc.Arbitrary<H2Sent> = fc.array(request, { minLength: 1, maxLength: 4 }).map(all => ({
  bytes: Buffer.concat(all.flatMap((drawn, i) => framesOf(drawn, 2 * i + 1))),
  requests: all.map(drawn => ({ fields: listOf(drawn), body: drawn.body.parts.join('') })),
}))
