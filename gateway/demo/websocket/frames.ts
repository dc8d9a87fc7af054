/**
 * WebSocket frames (RFC 6455 §5): reads a client's masked frames from any split of the bytes, and makes a server's.
 */

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** Most bytes of one frame's payload, and of one message. */
export const MAX_PAYLOAD = 1024 ** 2

/** A whole frame, already unmasked. */
export interface Frame {
  readonly fin: boolean
  readonly opcode: number
  readonly payload: Buffer
}

/** Why the connection must be closed: status code (RFC 6455 §7.4.1) and a phrase. */
export interface Fault {
  readonly code: number
  readonly reason: string
}

interface OpenFrame {
  readonly fin: boolean
  readonly opcode: number
  readonly payload: Buffer
  readonly mask: Buffer
  filled: number
}

/** Longest head: 2 bytes, 8 of length, 4 of mask. */
const MAX_HEAD = 14

/** Reads frames; one per connection. After a fault it must not be used any more. */
export class FrameReader {
  readonly #head = Buffer.alloc(MAX_HEAD)
  #headLength = 0
  #open: OpenFrame | null = null

  /** Takes the next bytes: the frames that they complete, and the fault that ends the connection, if any. */
  push(chunk: Buffer): { frames: Frame[]; fault: Fault | null } {
    const frames: Frame[] = []
    let at = 0
    while (at < chunk.length) {
      if (this.#open === null) {
        at += this.#fillHead(chunk, at)
        if (this.#headLength < wantedHead(this.#head, this.#headLength)) break
        const opened = openFrame(this.#head)
        if ('code' in opened) return { frames, fault: opened }
        this.#open = opened
        this.#headLength = 0
      }
      at += fillPayload(this.#open, chunk, at)
      if (this.#open.filled < this.#open.payload.length) break
      frames.push(this.#open)
      this.#open = null
    }
    return { frames, fault: null }
  }

  #fillHead(chunk: Buffer, from: number): number {
    let at = from
    while (at < chunk.length && this.#headLength < wantedHead(this.#head, this.#headLength)) {
      this.#head[this.#headLength++] = chunk[at++] ?? 0
    }
    return at - from
  }
}

/** Bytes that the head has in all, as far as the bytes at hand tell. */
function wantedHead(head: Buffer, have: number): number {
  if (have < 2) return 2
  const second = head[1] ?? 0
  const length = second & 0x7f
  return 2 + (length === 127 ? 8 : length === 126 ? 2 : 0) + (second & 0x80 ? 4 : 0)
}

function openFrame(head: Buffer): OpenFrame | Fault {
  const first = head[0] ?? 0
  const second = head[1] ?? 0
  const opcode = first & 0x0f
  const fin = (first & 0x80) !== 0
  const short = second & 0x7f
  const length = short === 127 ? Number(head.readBigUInt64BE(2)) : short === 126 ? head.readUInt16BE(2) : short
  const fault = findFault({ first, masked: (second & 0x80) !== 0, opcode, fin, length })
  if (fault !== null) return fault
  const maskAt = short === 127 ? 10 : short === 126 ? 4 : 2
  const mask = Buffer.from(head.subarray(maskAt, maskAt + 4))
  return { fin, opcode, payload: Buffer.allocUnsafe(length), mask, filled: 0 }
}

interface HeadFacts {
  readonly first: number
  readonly masked: boolean
  readonly opcode: number
  readonly fin: boolean
  readonly length: number
}

function findFault({ first, masked, opcode, fin, length }: HeadFacts): Fault | null {
  if (!masked) return { code: 1002, reason: 'frame not masked' }
  if ((first & 0x70) !== 0) return { code: 1002, reason: 'no extension was agreed' }
  if ((opcode > 2 && opcode < 8) || opcode > 10) return { code: 1002, reason: 'unknown opcode' }
  if (opcode >= 8 && (!fin || length > 125)) return { code: 1002, reason: 'invalid control frame' }
  if (length > MAX_PAYLOAD) return { code: 1009, reason: 'frame too large' }
  return null
}

/** Copies and unmasks what `chunk` has of the payload; returns the bytes taken. */
function fillPayload(open: OpenFrame, chunk: Buffer, from: number): number {
  const { payload, mask } = open
  const count = Math.min(chunk.length - from, payload.length - open.filled)
  for (let i = 0; i < count; i++) {
    const at = open.filled + i
    payload[at] = (chunk[from + i] ?? 0) ^ (mask[at & 3] ?? 0)
  }
  open.filled += count
  return count
}

/** A server's frame: whole, unmasked. */
export function encodeFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload
  const headLength = length > 65_535 ? 10 : length > 125 ? 4 : 2
  const frame = Buffer.allocUnsafe(headLength + length)
  frame[0] = 0x80 | opcode
  if (headLength === 2) frame[1] = length
  else if (headLength === 4) {
    frame[1] = 126
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = 127
    frame.writeBigUInt64BE(BigInt(length), 2)
  }
  payload.copy(frame, headLength)
  return frame
}

/** The payload of a close frame; `reason` at most 123 bytes. */
export function encodeClose(code: number, reason: string): Buffer {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason))
  payload.writeUInt16BE(code, 0)
  payload.write(reason, 2)
  return encodeFrame(OPCODE.close, payload)
}
