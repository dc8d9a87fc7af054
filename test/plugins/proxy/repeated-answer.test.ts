/** What is remembered of a head gives what would be made anew, whatever comes between. */
import fc from 'fast-check'
import t from 'tap'
import { type AnswerRules, answerHead } from '../../../plugins/proxy/answer-head.ts'
import { clientHead } from '../../../plugins/proxy/repeated-answer.ts'
import { readHead } from '../../../plugins/upstream/h1/head-memory.ts'
import { parseHead } from '../../../plugins/upstream/h1/head-parser.ts'

const DATE = 'Date: Mon, 30 Nov 2026 10:00:00 GMT'
const heads = [
  `HTTP/1.1 200 OK\r\n${DATE}\r\nContent-Length: 5\r\nX: y\r\n`,
  `HTTP/1.1 200 OK\r\n${DATE}\r\nContent-Length: 5\r\nX: z\r\n`,
  `HTTP/1.1 404 Gone Fishing\r\n${DATE}\r\nContent-Length: 0\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n`,
  `HTTP/1.1 304 Not Modified\r\n${DATE}\r\nETag: "x"\r\nConnection: X\r\nX: y\r\n`,
  `HTTP/1.1 200 OK\r\n${DATE}\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n`,
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nVia: 1.1 other\r\nX-Request-Id: theirs\r\n',
]
const rules: AnswerRules[] = [
  { set: {}, remove: [] },
  { set: { 'X-Frame-Options': 'DENY' }, remove: ['x'] },
  { set: {}, remove: ['x-request-id'] },
  { set: {}, remove: [], amend: fields => void fields.push('Referrer-Policy', 'same-origin') },
]

t.test('any order of heads, rules and requests', async t => {
  const step = fc.record({
    head: fc.nat(heads.length - 1),
    rule: fc.nat(rules.length - 1),
    times: fc.integer({ min: 1, max: 4 }),
  })
  let id = 0
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), steps => {
      for (const { head, rule, times } of steps) {
        for (let i = 0; i < times; i++) {
          const text = heads[head] as string
          const read = readHead(text)
          if (typeof read === 'string') throw new Error(read)
          const facts = { requestId: `id-${id++}`, status: read.status, rules: rules[rule] as AnswerRules }
          const made = clientHead(read.headers, facts)
          t.same(made, answerHead(read.headers, facts))
          // What one request has done to its fields is nothing to the next.
          made.fields.push('X-Mine', '1')
        }
      }
    }),
    { numRuns: 300 },
  )
})

t.test('a head that is remembered is the one that was read, and nobody can change it', async t => {
  for (const text of [...heads, ...heads]) {
    const read = readHead(text)
    t.same(read, parseHead(text))
    if (typeof read === 'string') throw new Error(read)
    t.throws(() => (read.headers as string[]).push('X', 'y'), TypeError)
  }
  t.equal(readHead('HTTP/1.1 200 OK\r\nX : y\r\n'), 'space before the colon')
  const long = `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(4_000)}\r\n`
  t.not(readHead(long), readHead(long), 'a long one is read anew')
})
