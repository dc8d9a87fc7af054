import t from 'tap'
import {
  encodeClose,
  encodeFrame,
  type Frame,
  FrameReader,
  MAX_PAYLOAD,
  OPCODE,
} from '../../../../gateway/demo/websocket/frames.ts'
import { MessageReader } from '../../../../gateway/demo/websocket/messages.ts'

const MASK = Buffer.from([1, 2, 3, 250])

/** A client's frame; `first` is the byte of FIN, RSV and opcode. */
function clientFrame(first: number, payload: Buffer): Buffer {
  const frame = Buffer.from(encodeFrame(0, payload))
  frame[0] = first
  frame[1] = (frame[1] ?? 0) | 0x80
  const headLength = frame.length - payload.length
  const masked = payload.map((byte, i) => byte ^ (MASK[i & 3] ?? 0))
  return Buffer.concat([frame.subarray(0, headLength), MASK, masked])
}

t.test('frames of every length form are read the same from any split of the bytes', async t => {
  const payloads = [0, 1, 125, 126, 300, 65_535, 65_536, 70_000].map(length => Buffer.alloc(length, 'hearth'))
  const bytes = Buffer.concat(payloads.map(payload => clientFrame(0x82, payload)))
  for (const step of [1, 2, 3, 7, 1000, 65_536, bytes.length]) {
    const reader = new FrameReader()
    const frames: Frame[] = []
    for (let at = 0; at < bytes.length; at += step) {
      const { frames: read, fault } = reader.push(bytes.subarray(at, at + step))
      if (fault !== null) t.fail(fault.reason)
      frames.push(...read)
    }
    t.equal(frames.length, payloads.length)
    t.ok(frames.every((frame, i) => frame.fin && frame.opcode === 2 && frame.payload.equals(payloads[i] as Buffer)))
  }
})

t.test('frames that are not allowed end with their code', async t => {
  const tooLong = Buffer.alloc(14)
  tooLong[0] = 0x82
  tooLong[1] = 0xff
  tooLong.writeBigUInt64BE(BigInt(MAX_PAYLOAD + 1), 2)
  const endless = Buffer.from(tooLong)
  endless.writeBigUInt64BE(2n ** 64n - 1n, 2)
  const cases: [string, Buffer, number][] = [
    ['not masked', encodeFrame(OPCODE.text, Buffer.from('x')), 1002],
    ['a reserved bit', clientFrame(0xc1, Buffer.from('x')), 1002],
    ['an unknown data opcode', clientFrame(0x83, Buffer.from('x')), 1002],
    ['an unknown control opcode', clientFrame(0x8b, Buffer.from('x')), 1002],
    ['a fragmented ping', clientFrame(0x09, Buffer.from('x')), 1002],
    ['a ping that is too long', clientFrame(0x89, Buffer.alloc(126)), 1002],
    ['a frame that is too long', tooLong, 1009],
    ['a length of 64 bits', endless, 1009],
  ]
  for (const [name, bytes, code] of cases) t.equal(new FrameReader().push(bytes).fault?.code, code, name)
})

t.test('messages are put together, and what breaks the rules is told', async t => {
  const frame = (opcode: number, text: string | Buffer, fin = true): Frame => ({
    opcode,
    fin,
    payload: Buffer.from(text as string),
  })
  const close = (...bytes: number[]) => frame(8, Buffer.from(bytes))
  const cases: [string, Frame[], object][] = [
    ['one text', [frame(1, 'a')], { do: 'message', opcode: 1, payload: Buffer.from('a') }],
    ['empty', [frame(2, '')], { do: 'message', opcode: 2, payload: Buffer.alloc(0) }],
    [
      'three parts',
      [frame(1, 'a', false), frame(0, 'b', false), frame(0, 'c')],
      { do: 'message', opcode: 1, payload: Buffer.from('abc') },
    ],
    [
      'a character split over parts',
      [frame(1, Buffer.from([0xc3]), false), frame(0, Buffer.from([0xa9]))],
      { do: 'message', payload: Buffer.from('é') },
    ],
    ['a ping between parts', [frame(1, 'a', false), frame(9, 'p')], { do: 'pong', payload: Buffer.from('p') }],
    ['a pong', [frame(10, 'p')], { do: 'wait' }],
    ['a part without a start', [frame(0, 'a')], { do: 'fail', fault: { code: 1002 } }],
    ['a start inside a message', [frame(1, 'a', false), frame(1, 'b')], { do: 'fail', fault: { code: 1002 } }],
    ['text that is not UTF-8', [frame(1, Buffer.from([0xff]))], { do: 'fail', fault: { code: 1007 } }],
    ['binary that is not UTF-8', [frame(2, Buffer.from([0xff]))], { do: 'message', opcode: 2 }],
    ['a close without a code', [close()], { do: 'close', code: null }],
    ['a close', [close(3, 232)], { do: 'close', code: 1000 }],
    ['a close of one byte', [close(3)], { do: 'fail', fault: { code: 1002 } }],
    ['a close with a code for inner use', [close(3, 237)], { do: 'fail', fault: { code: 1002 } }],
    ['a close with an unknown code', [close(0, 7)], { do: 'fail', fault: { code: 1002 } }],
    ['a reason that is not UTF-8', [close(3, 232, 255)], { do: 'fail', fault: { code: 1007 } }],
    [
      'parts that are too many bytes',
      [frame(2, Buffer.alloc(MAX_PAYLOAD), false), frame(0, 'x')],
      { do: 'fail', fault: { code: 1009 } },
    ],
    [
      'too many empty parts',
      [frame(2, '', false), ...Array.from({ length: 1024 }, () => frame(0, '', false))],
      { do: 'fail', fault: { code: 1009 } },
    ],
  ]
  for (const [name, frames, expected] of cases) {
    const reader = new MessageReader()
    t.match(frames.map(frame => reader.take(frame)).at(-1), expected, name)
  }
})

t.test('a close frame carries its code and its reason', async t => {
  t.strictSame(encodeClose(1001, 'é'), Buffer.from([0x88, 4, 3, 233, 0xc3, 0xa9]))
})
