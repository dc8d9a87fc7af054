import t from 'tap'
import { closeFrame, FrameBorders } from '../../../plugins/websocket/frame-borders.ts'

function frame(length: number, masked: boolean, opcode = 2): Buffer {
  const mask = masked ? 0x80 : 0
  const key = Buffer.alloc(masked ? 4 : 0, 0xff)
  let size = Buffer.from([0x80 | opcode, mask | length])
  if (length > 125 && length < 65536) size = Buffer.from([0x80 | opcode, mask | 126, length >> 8, length & 0xff])
  else if (length > 125) {
    size = Buffer.from([0x80 | opcode, mask | 127, 0, 0, 0, 0, 0, 0, 0, 0])
    size.writeBigUInt64BE(BigInt(length), 2)
  }
  // Payload bytes that look like frame headers, were they read as such.
  return Buffer.concat([size, key, Buffer.alloc(length, 0x88)])
}

for (const masked of [false, true]) {
  const kind = masked ? 'masked' : 'unmasked'
  t.test(`the borders of ${kind} frames are known at every byte`, async t => {
    const lengths = [0, 1, 125, 126, 300, 65535, 65536, 70000]
    const frames = lengths.map(length => frame(length, masked))
    const ends = new Set<number>()
    frames.reduce((at, bytes) => ends.add(at + bytes.length) && at + bytes.length, 0)
    const borders = new FrameBorders(masked)
    t.ok(borders.atBorder)
    const bytes = Buffer.concat(frames)
    const wrong: number[] = []
    for (let at = 0; at < bytes.length; at++) {
      borders.advance(bytes.subarray(at, at + 1))
      if (borders.atBorder !== ends.has(at + 1)) wrong.push(at)
    }
    t.strictSame(wrong, [])
    t.notOk(borders.lost)
    t.notOk(borders.closed)
  })

  t.test(`a chunk of ${kind} frames is cut at its first border`, async t => {
    const borders = new FrameBorders(masked)
    const first = frame(300, masked)
    borders.advance(first.subarray(0, 7))
    t.equal(borders.advance(Buffer.concat([first.subarray(7), frame(4, masked)]), true), first.length - 7)
    t.ok(borders.atBorder)
  })
}

t.test('what cannot be a frame makes the border unknown for good', async t => {
  const cases: [string, boolean, number[]][] = [
    ['masked from the origin', false, [0x81, 0x81]],
    ['unmasked from the client', true, [0x81, 0x01]],
    ['a long control frame', false, [0x89, 0x7e]],
    ['a length beyond 2^53', false, [0x82, 0x7f, 0xff, 0, 0, 0, 0, 0, 0, 0]],
  ]
  for (const [name, masked, bytes] of cases) {
    const borders = new FrameBorders(masked)
    borders.advance(Buffer.from(bytes))
    t.ok(borders.lost, name)
    t.equal(borders.advance(Buffer.alloc(100), true), 100, 'everything is passed')
    t.notOk(borders.atBorder, name)
  }
})

t.test('a Close frame that passes is noticed, and ours has the form of RFC 6455', async t => {
  const borders = new FrameBorders(false)
  t.strictSame(closeFrame(1001, false), Buffer.from([0x88, 2, 0x03, 0xe9]))
  borders.advance(closeFrame(1001, false))
  t.ok(borders.closed)
  const masked = closeFrame(1001, true)
  t.strictSame([...masked.subarray(0, 2)], [0x88, 0x82])
  const code = [masked[6]! ^ masked[2]!, masked[7]! ^ masked[3]!]
  t.strictSame(code, [0x03, 0xe9])
})
