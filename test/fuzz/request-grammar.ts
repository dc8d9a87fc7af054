/**
 * What clients send over HTTP/1.1, right and wrong: pipelined requests in which nothing, one thing or several things are off.
 * The wrong things are those that readers of HTTP have disagreed about before.
 */
import fc from 'fast-check'
import { ends, oddLines, oddMethods, oddSizes, oddTargets, versions } from './odd-text.ts'

/** The bytes of one connection (one character a byte), and the lengths of the pieces in which they are written. */
export interface Sent {
  readonly bytes: string
  readonly cuts: readonly number[]
}

/** Null all but one time of so many. */
export function seldom<T>(arbitrary: fc.Arbitrary<T>, times: number): fc.Arbitrary<T | null> {
  return fc.oneof({ weight: times - 1, arbitrary: fc.constant(null) }, { weight: 1, arbitrary })
}

const hidden = 'GET /hidden HTTP/1.1\r\nHost: fuzz.test\r\n\r\n'
const methods = fc.constantFrom('GET', 'GET', 'POST', 'POST', 'PUT', 'HEAD', 'OPTIONS', 'DELETE', 'PATCH', 'PROPFIND')
const targets = fc.stringMatching(/^\/[a-z]{1,6}(\/[a-z]{0,3})?(\?[a-z=&]{0,6})?$/)
const plainFields = fc.array(
  fc.oneof(
    fc
      .tuple(
        fc.stringMatching(/^X-[A-Za-z0-9!#$%&'*+.^`|~-]{1,8}$/),
        fc.stringMatching(/^[!-~\x80-\xff]([ \t!-~]{0,12}[!-~])?$/),
      )
      .map(([name, value]) => `${name}: ${value}`),
    fc.constantFrom(
      'Accept: */*',
      'Cookie: a=b; c=d',
      'Accept-Encoding: gzip',
      'X-Empty:',
      'X-Tab:\tv\t',
      'TE: trailers',
      'Range: bytes=0-3',
    ),
  ),
  { maxLength: 4 },
)

const content = fc.oneof(
  fc.string({ unit: 'binary-ascii', maxLength: 30 }),
  fc.constant(hidden),
  fc.constantFrom('', '0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n'),
)
const trailers = fc.constantFrom(
  '',
  '',
  '',
  '',
  '',
  '',
  '',
  '',
  'X-Sum: 1\r\n',
  'Content-Length: 3\r\n',
  'Host: x\r\n',
  'Bad Trailer: 1\r\n',
  'X: y\n',
  ' f: 1\r\n',
  `X-T: ${'t'.repeat(20_000)}\r\n`,
)
/** Chunks that are mostly right. */
export const chunked = fc
  .record({
    parts: fc.array(
      content.filter(part => part.length > 0),
      { maxLength: 4 },
    ),
    trailer: trailers,
    odd: seldom(oddSizes, 12),
    upper: fc.boolean(),
    last: fc.oneof(
      { weight: 12, arbitrary: fc.constant('0') },
      { weight: 1, arbitrary: fc.constantFrom('00', '0;x', '0x0', '0 ') },
    ),
  })
  .map(({ parts, trailer, odd, upper, last }) => {
    const sized = parts.map((part, i) => {
      const size = upper ? part.length.toString(16).toUpperCase() : part.length.toString(16)
      return `${odd !== null && i === 0 ? odd : size}\r\n${part}\r\n`
    })
    return `${sized.join('')}${last}\r\n${trailer}\r\n`
  })

const framed = fc.oneof(
  { weight: 8, arbitrary: fc.constant({ line: null as string | null, body: '' }) },
  { weight: 6, arbitrary: content.map(body => ({ line: `Content-Length: ${body.length}`, body })) },
  { weight: 6, arbitrary: chunked.map(body => ({ line: 'Transfer-Encoding: chunked', body })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(content, fc.integer({ min: -3, max: 6 }))
      .map(([body, off]) => ({ line: `Content-Length: ${Math.max(0, body.length + off)}`, body })),
  },
  {
    weight: 1,
    arbitrary: chunked.map(body => ({ line: `Content-Length: ${body.length}\r\nTransfer-Encoding: chunked`, body })),
  },
  { weight: 1, arbitrary: content.map(body => ({ line: null, body })) },
)

const request = fc
  .record({
    method: fc.oneof({ weight: 20, arbitrary: methods }, { weight: 1, arbitrary: oddMethods }),
    target: fc.oneof({ weight: 12, arbitrary: targets }, { weight: 1, arbitrary: oddTargets }),
    version: fc.oneof({ weight: 25, arbitrary: fc.constant('HTTP/1.1') }, { weight: 1, arbitrary: versions }),
    host: fc.oneof(
      { weight: 25, arbitrary: fc.constant('Host: fuzz.test') },
      { weight: 1, arbitrary: fc.constant('X-No: host') },
    ),
    fields: plainFields,
    odd: fc.oneof(
      { weight: 12, arbitrary: fc.constant([] as string[]) },
      { weight: 3, arbitrary: fc.array(oddLines, { minLength: 1, maxLength: 2 }) },
    ),
    oddFirst: fc.boolean(),
    framed,
    end: fc.oneof({ weight: 40, arbitrary: fc.constant('\r\n') }, { weight: 1, arbitrary: ends }),
    blank: fc.oneof({ weight: 40, arbitrary: fc.constant('\r\n') }, { weight: 1, arbitrary: ends }),
    before: fc.oneof(
      { weight: 30, arbitrary: fc.constant('') },
      { weight: 1, arbitrary: fc.constantFrom('\r\n', '\n', ' ', '\r', '\0', '\r\n\r\n') },
    ),
  })
  .map(({ method, target, version, host, fields, odd, oddFirst, framed: { line, body }, end, blank, before }) => {
    const mine = [...fields, ...(line === null ? [] : [line])]
    const lines = oddFirst ? [...odd, ...mine] : [...mine, ...odd]
    return `${before}${method} ${target} ${version}${end}${[host, ...lines].map(text => `${text}\r\n`).join('')}${blank}${body}`
  })

/** One byte or a few put in, or taken out, anywhere. */
export const mutation = fc.record({
  at: fc.nat(),
  remove: fc.integer({ min: 0, max: 3 }),
  insert: fc.oneof(
    fc.constantFrom(
      '\r\n',
      '\n',
      '\r',
      '\0',
      ' ',
      '\t',
      ':',
      ',',
      ';',
      '0\r\n\r\n',
      '\r\n\r\n',
      '\x0b',
      '\x7f',
      '\xff',
      'Content-Length: 3\r\n',
      'Transfer-Encoding: chunked\r\n',
      hidden,
    ),
    fc.string({ unit: 'binary-ascii', maxLength: 2 }),
  ),
})

export interface Mutation {
  readonly at: number
  readonly remove: number
  readonly insert: string
}

export function mutate(text: string, mutations: readonly Mutation[]): string {
  let mutated = text
  for (const { at, remove, insert } of mutations) {
    const place = at % (mutated.length + 1)
    mutated = mutated.slice(0, place) + insert + mutated.slice(place + remove)
  }
  return mutated
}

export const cuts = fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 6 })

/** A cut of no length at all: the bytes go out at once. */
export function piecesOf(bytes: string, lengths: readonly number[]): string[] {
  const pieces: string[] = []
  let at = 0
  for (const length of lengths) {
    if (at >= bytes.length) break
    pieces.push(bytes.slice(at, at + length))
    at += length
  }
  return at < bytes.length ? [...pieces, bytes.slice(at)] : pieces
}

export const sent: fc.Arbitrary<Sent> = fc
  .record({
    requests: fc.array(request, { minLength: 1, maxLength: 4 }),
    mutations: fc.oneof(
      { weight: 6, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(mutation, { minLength: 1, maxLength: 2 }) },
    ),
    keep: seldom(fc.nat(), 6),
    cuts,
  })
  .map(({ requests, mutations, keep, cuts: lengths }) => {
    const bytes = mutate(requests.join(''), mutations)
    return { bytes: keep === null ? bytes : bytes.slice(0, keep % (bytes.length + 1)), cuts: lengths }
  })
