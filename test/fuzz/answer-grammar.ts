/** What origins answer over HTTP/1.1, right and wrong: heads, interim answers, framings, cuts, and bytes behind the end. */
import fc from 'fast-check'
import { oddLines } from './odd-text.ts'
import { chunked, cuts, type Mutation, mutate, mutation, seldom } from './request-grammar.ts'

export interface Reply {
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly bytes: string
  readonly cuts: readonly number[]
  /** What the origin does with the connection behind the last byte. */
  readonly after: 'stay' | 'end' | 'reset'
}

const status = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.constantFrom(
      '200 OK',
      '200 OK',
      '404 Not Found',
      '500 Oops',
      '206 Part',
      '301 Moved',
      '204 None',
      '304 Same',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '101 Switching',
      '999 Odd',
      '600 X',
      '099 X',
      '20 X',
      '2000 X',
      '200',
      '200 ',
      'abc X',
      '-1 X',
      '200\tOK',
      '200  OK',
      '200 O\0K',
      '200 O\rK',
      '1xx',
      '',
    ),
  },
)
const version = fc.oneof(
  { weight: 20, arbitrary: fc.constant('HTTP/1.1') },
  { weight: 3, arbitrary: fc.constant('HTTP/1.0') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('HTTP/2.0', 'HTTP/1.2', 'http/1.1', 'ICY', 'HTTP/1.1 ', '', 'HTTP/0.9', 'HTTP/1.01'),
  },
)

const interim = fc.oneof(
  { weight: 8, arbitrary: fc.constant('') },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom(100, 102, 103, 110, 199),
        fc.constantFrom(
          '',
          'Link: </a>\r\n',
          'Content-Length: 5\r\n',
          'Transfer-Encoding: chunked\r\n',
          'X: y\nZ: q\r\n',
        ),
        fc.constantFrom(1, 1, 2, 15, 16, 17, 40),
      )
      .map(([code, lines, count]) => `HTTP/1.1 ${code} I\r\n${lines}\r\n`.repeat(count)),
  },
)

const fields = fc.array(
  fc.constantFrom(
    'Content-Type: text/plain',
    'Set-Cookie: a=b',
    'Set-Cookie: c=d',
    'X-A: 1',
    'X-A: 2',
    'ETag: "x"',
    'Cache-Control: max-age=60',
    'Connection: keep-alive',
    'Connection: close',
    'Keep-Alive: timeout=5',
    'Location: /x',
    'X-Empty:',
    'X-L1: \xe9',
    'Trailer: X-Sum',
    'Connection: X-A',
    'Content-Encoding: gzip',
    'Vary: *',
    'Date: now',
    'Upgrade: h2c',
    'Alt-Svc: h3',
  ),
  { maxLength: 4 },
)

const content = fc.oneof(
  fc.string({ unit: 'binary-ascii', maxLength: 40 }),
  fc.constant('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhidden'),
  fc.constant('x'.repeat(70_000)),
)
const framed = fc.oneof(
  { weight: 4, arbitrary: content.map(body => ({ lines: [`Content-Length: ${body.length}`], body })) },
  { weight: 4, arbitrary: chunked.map(body => ({ lines: ['Transfer-Encoding: chunked'], body })) },
  { weight: 2, arbitrary: content.map(body => ({ lines: [] as string[], body })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(content, fc.integer({ min: -3, max: 6 }))
      .map(([body, off]) => ({ lines: [`Content-Length: ${Math.max(0, body.length + off)}`], body })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(chunked, fc.boolean()).map(([body, first]) => {
      const both = [`Content-Length: ${body.length}`, 'Transfer-Encoding: chunked']
      return { lines: first ? both : both.toReversed(), body }
    }),
  },
)

const surplus = fc.oneof(
  { weight: 12, arbitrary: fc.constant('') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen',
      'x',
      '\r\n',
      '0\r\n\r\n',
      'HTTP/1.1 100 Continue\r\n\r\n',
    ),
  },
)

export const reply: fc.Arbitrary<Reply> = fc
  .record({
    method: fc.constantFrom('GET' as const, 'GET' as const, 'GET' as const, 'HEAD' as const, 'POST' as const),
    before: fc.oneof(
      { weight: 30, arbitrary: fc.constant('') },
      { weight: 1, arbitrary: fc.constantFrom('\r\n', '\n', ' ', 'x') },
    ),
    interim,
    version,
    status,
    fields,
    odd: fc.oneof(
      { weight: 5, arbitrary: fc.constant([] as string[]) },
      { weight: 2, arbitrary: fc.array(oddLines, { minLength: 1, maxLength: 2 }) },
    ),
    framed,
    surplus,
    mutations: fc.oneof(
      { weight: 4, arbitrary: fc.constant([] as Mutation[]) },
      { weight: 1, arbitrary: fc.array(mutation, { minLength: 1, maxLength: 2 }) },
    ),
    keep: seldom(fc.nat(), 6),
    cuts,
    // A wrong answer that stays open would only be waited for.
    stays: fc.boolean(),
    end: fc.constantFrom('end' as const, 'end' as const, 'reset' as const),
  })
  .map(
    ({
      method,
      before,
      interim: first,
      version: http,
      status: code,
      fields: lines,
      odd,
      framed: body,
      surplus: more,
      mutations,
      keep,
      cuts: lengths,
      stays,
      end,
    }) => {
      const head = [`${http} ${code}`, ...lines, ...odd, ...body.lines].map(line => `${line}\r\n`).join('')
      const hasBody = method !== 'HEAD' && !/^(204|304)/.test(code)
      const all = mutate(`${before}${first}${head}\r\n${hasBody ? body.body : ''}${more}`, mutations)
      const bytes = keep === null ? all : all.slice(0, keep % (all.length + 1))
      return { method, bytes, cuts: lengths, after: stays && keep === null ? 'stay' : end }
    },
  )
