import http from 'node:http'
import fc from 'fast-check'
import t from 'tap'
import { AnswerReader } from '../../../../plugins/upstream/h1/answer-reader.ts'
import { startOrigin } from './support.ts'

interface Answer {
  readonly status: number
  readonly headers: readonly [string, string][]
  readonly trailers: readonly [string, string][]
  readonly chunks: readonly string[]
  readonly framing: 'length' | 'chunked' | 'untilClose'
}

interface Decoded {
  status: number
  headers: string[]
  body: string
  trailers: string[]
  end: string
}

const token = fc.stringMatching(/^x-[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,12}$/)
const value = fc.stringMatching(/^([!-~\u00a0-\u00ff]([\t !-~\u00a0-\u00ff]{0,20}[!-~\u00a0-\u00ff])?)?$/)
const lines = fc.array(fc.tuple(token, value), { maxLength: 6 })
const answers: fc.Arbitrary<Answer> = fc.record({
  status: fc.integer({ min: 200, max: 599 }).filter(status => status !== 204 && status !== 304),
  headers: lines,
  trailers: lines,
  chunks: fc.array(fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 40 }), { maxLength: 5 }),
  framing: fc.constantFrom('length', 'chunked', 'untilClose'),
})

function encode(answer: Answer): string {
  const fields = (list: readonly [string, string][]) => list.map(([name, text]) => `${name}: ${text}\r\n`).join('')
  const body = answer.chunks.join('')
  const head = `HTTP/1.1 ${answer.status} Reason\r\n${fields(answer.headers)}`
  if (answer.framing === 'length') return `${head}Content-Length: ${body.length}\r\n\r\n${body}`
  if (answer.framing === 'untilClose') return `${head}\r\n${body}`
  const chunks = answer.chunks.map(chunk => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')
  return `${head}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n${fields(answer.trailers)}\r\n`
}

/** Cuts into pieces of the given lengths, over and over. */
function cut(text: string, lengths: readonly number[]): Buffer[] {
  const pieces: Buffer[] = []
  let at = 0
  for (let i = 0; at < text.length; i++) {
    const length = lengths[i % lengths.length] ?? text.length
    pieces.push(Buffer.from(text.slice(at, at + length), 'latin1'))
    at += length
  }
  return pieces
}

function decode(pieces: readonly Buffer[], method = 'GET'): Decoded {
  const reader = new AnswerReader(65_536, 16)
  reader.reset(method)
  const decoded: Decoded = { status: 0, headers: [], body: '', trailers: [], end: '' }
  for (const piece of pieces) {
    let at = 0
    for (;;) {
      const step = reader.next(piece, at)
      if (reader.position < at || reader.position > piece.length) throw new Error('position out of the piece')
      at = reader.position
      if (step === 'data') decoded.body += piece.toString('latin1', reader.dataStart, reader.dataEnd)
      else if (step === 'head') Object.assign(decoded, { status: reader.status, headers: reader.headers })
      else if (step === 'more') break
      else return { ...decoded, end: step, trailers: reader.trailers ?? [] }
    }
  }
  return { ...decoded, end: reader.finish(true) }
}

const cuts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 8 })

t.test('every valid answer is decoded to what it was made of, however it is cut', async t => {
  fc.assert(
    fc.property(answers, cuts, (answer, lengths) => {
      const decoded = decode(cut(encode(answer), lengths))
      t.strictSame(
        { ...decoded, headers: decoded.headers.slice(0, answer.headers.length * 2) },
        {
          status: answer.status,
          headers: answer.headers.flat(),
          body: answer.chunks.join(''),
          trailers: answer.framing === 'chunked' ? answer.trailers.flat() : [],
          end: 'end',
        },
      )
    }),
    { numRuns: 400 },
  )
})

t.test("a valid answer is read as Node's own client reads it", async t => {
  let answer = ''
  const origin = await startOrigin(t, socket => {
    socket.end(answer, 'latin1')
  })
  await fc.assert(
    fc.asyncProperty(answers, cuts, async (given, lengths) => {
      answer = encode(given)
      const theirs = await new Promise<Decoded>((resolve, reject) => {
        const request = http.get({ port: origin.port, host: '127.0.0.1', agent: false }, response => {
          response.setEncoding('latin1')
          let body = ''
          response.on('data', chunk => {
            body += chunk
          })
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.rawHeaders,
              body,
              trailers: response.rawTrailers,
              end: 'end',
            }),
          )
        })
        request.on('error', reject)
      })
      t.strictSame(decode(cut(answer, lengths)), theirs)
    }),
    { numRuns: 60 },
  )
})

t.test(
  'a mutated answer never crashes the reader and hands out only bytes that are in it, however it is cut',
  async t => {
    const mutation = fc.record({
      at: fc.nat(),
      remove: fc.integer({ min: 0, max: 3 }),
      insert: fc.oneof(
        fc.string({ unit: 'binary-ascii', maxLength: 3 }),
        fc.constantFrom(
          '\r\n',
          '\n',
          '\r',
          '\0',
          '0\r\n\r\n',
          'Content-Length: 3\r\n',
          'Transfer-Encoding: chunked\r\n',
          ' ',
          ':',
        ),
      ),
    })
    fc.assert(
      fc.property(answers, fc.array(mutation, { minLength: 1, maxLength: 4 }), cuts, (answer, mutations, lengths) => {
        let text = encode(answer)
        for (const { at, remove, insert } of mutations) {
          const place = at % (text.length + 1)
          text = text.slice(0, place) + insert + text.slice(place + remove)
        }
        const whole = decode([Buffer.from(text, 'latin1')])
        const pieces = decode(cut(text, lengths))
        if (!isSubsequence(whole.body, text)) t.fail(`handed out what was not sent: ${JSON.stringify(text)}`)
        // A head is refused as soon as it is seen to be wrong, so a cut one may be refused where a whole one is not reached.
        if (JSON.stringify(pieces) !== JSON.stringify(whole))
          t.strictSame(pieces, whole, JSON.stringify({ text, lengths }))
      }),
      { numRuns: 3000 },
    )
  },
)

t.test('any bytes at all are read without a crash', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, isLikely) => {
      const text = Buffer.concat([Buffer.from(isLikely ? 'HTTP/1.1 200 OK\r\n' : ''), bytes])
      t.ok(isSubsequence(decode([text]).body, text.toString('latin1')))
    }),
    { numRuns: 500 },
  )
})

function isSubsequence(part: string, whole: string): boolean {
  let at = 0
  for (const character of part) {
    at = whole.indexOf(character, at) + 1
    if (at === 0) return false
  }
  return true
}
