import t from 'tap'
import { ChunkedDecoder } from '../../../../plugins/upstream/h1/chunked-decoder.ts'

interface Decoded {
  body: string
  end: 'end' | 'more' | 'invalid'
  rest: string
  trailers: string[] | null
  problem: string
}

/** Decodes pieces; `rest` is what was not read of the last one. */
function decode(pieces: readonly string[]): Decoded {
  const decoder = new ChunkedDecoder()
  decoder.reset()
  const result: Decoded = { body: '', end: 'more', rest: '', trailers: null, problem: '' }
  for (const text of pieces) {
    const piece = Buffer.from(text, 'latin1')
    let at = 0
    for (;;) {
      const step = decoder.next(piece, at)
      at = decoder.position
      if (step === 'data') result.body += piece.toString('latin1', decoder.dataStart, decoder.dataEnd)
      else {
        result.end = step
        break
      }
    }
    result.rest = piece.toString('latin1', at)
    if (result.end !== 'more') break
  }
  return { ...result, trailers: decoder.trailers, problem: decoder.problem }
}

const good: [string, string, string[] | null][] = [
  ['0\r\n\r\n', '', null],
  ['5\r\nhello\r\n0\r\n\r\n', 'hello', null],
  ['5\r\nhello\r\n6\r\n world\r\n000\r\n\r\n', 'hello world', null],
  ['A\r\n0123456789\r\n0\r\n\r\n', '0123456789', null],
  ['a;x=y;z="q\t;\xff"\r\n0123456789\r\n0;last\r\n\r\n', '0123456789', null],
  ['0000000000002\r\n\r\n\r\n0\r\n\r\n', '\r\n', null],
  ['1\r\na\r\n0\r\nX-T: 1\r\nx-t:2 \r\n\r\n', 'a', ['X-T', '1', 'x-t', '2']],
  ['1\r\na\r\n0\r\nContent-Length: 9\r\nGrpc-Status: 0\r\nHOST: x\r\n\r\n', 'a', ['Grpc-Status', '0']],
  ['1\r\na\r\n0\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a\r\n\r\n', 'a', null],
]

const bad: [string, string][] = [
  ['\r\n', 'chunk without a size'],
  [';a\r\n', 'chunk without a size'],
  [' 5\r\nhello\r\n', 'chunk without a size'],
  ['+5\r\n', 'chunk without a size'],
  ['-5\r\n', 'chunk without a size'],
  ['0x5\r\n', 'bad character in a chunk size'],
  ['0_5\r\n', 'bad character in a chunk size'],
  ['5 \r\nhello\r\n', 'bad character in a chunk size'],
  ['5 ;a\r\nhello\r\n', 'bad character in a chunk size'],
  ['5\nhello\r\n', 'bad character in a chunk size'],
  ['g\r\n', 'chunk without a size'],
  ['00000000000005\r\n', 'chunk size too large'],
  ['10000000000000005\r\n', 'chunk size too large'],
  ['5\rhello', 'bare CR in a chunk line'],
  ['2;\nxx\r\n', 'bad character in a chunk extension'],
  ['2;a\rxx\r\n', 'bare CR in a chunk line'],
  ['2;a\0\r\nxx\r\n', 'bad character in a chunk extension'],
  [`2;${'a'.repeat(4097)}\r\nxx\r\n`, 'chunk extension too long'],
  ['5\r\nhelloXX0\r\n\r\n', 'chunk data longer than its size'],
  ['5\r\nhello\n0\r\n\r\n', 'chunk data longer than its size'],
  ['5\r\nhello\rX', 'bare CR after chunk data'],
  ['5\r\nhello0\r\n\r\n', 'chunk data longer than its size'],
  ['0\r\nA : b\r\n\r\n', 'space before the colon'],
  ['0\r\nA: b\r\n c\r\n\r\n', 'folded line'],
  ['0\r\nA: b\nC: d\r\n\r\n', 'bad character in a field value'],
  ['0\r\n\n', 'bare CR or LF in the trailers'],
  ['0\r\n\rX', 'bare CR or LF in the trailers'],
  [`0\r\nA: ${'b'.repeat(16_384)}\r\n\r\n`, 'trailers too large'],
]

t.test('chunks become content, whatever the cuts, and nothing behind the last chunk is read', async t => {
  for (const [text, body, trailers] of good) {
    const expected = { body, end: 'end', rest: 'HTTP/1.1', trailers, problem: '' }
    const whole = `${text}HTTP/1.1`
    t.strictSame(decode([whole]), expected, JSON.stringify(text))
    for (let cut = 1; cut < text.length; cut++) {
      const got = decode([whole.slice(0, cut), whole.slice(cut)])
      if (JSON.stringify(got) !== JSON.stringify(expected)) t.strictSame(got, expected, `${text} cut at ${cut}`)
    }
    t.strictSame(decode([...text]).body, body)
  }
})

t.test('a body that is cut anywhere has not ended', async t => {
  for (const [text] of good) {
    for (let cut = 0; cut < text.length; cut++) t.equal(decode([text.slice(0, cut)]).end, 'more', `${text} at ${cut}`)
  }
})

t.test('whatever could hide a second message is refused with a reason', async t => {
  for (const [text, problem] of bad) {
    t.match(decode([text]), { end: 'invalid', problem }, JSON.stringify(text.slice(0, 40)))
    t.equal(decode(text.length < 100 ? [...text] : [text]).end, 'invalid', 'a byte at a time')
  }
})

t.test('the bounds themselves still pass', async t => {
  t.equal(decode([`2;${'a'.repeat(4095)}\r\nxx\r\n0\r\n\r\n`]).end, 'end')
  const value = 'b'.repeat(16_384 - 'A: \r\n\r\n'.length)
  t.strictSame(decode([`0\r\nA: ${value}\r\n\r\n`]).trailers, ['A', value])
})
