/**
 * Knows where a WebSocket frame ends in a stream of bytes, so that a Close frame of ours can be put between two frames
 * of the peer (RFC 6455 §5.2). It reads frame headers only and skips payloads: nothing is kept, decoded or judged.
 */
import { randomBytes } from 'node:crypto'

const CLOSE = 0x8

/** Follows one direction of a tunnel; from the first thing that cannot be a frame on, the border is unknown for good. */
export class FrameBorders {
  readonly #masked: boolean
  readonly #header = Buffer.allocUnsafe(14)
  #have = 0
  #need = 2
  #payload = 0
  #lost = false
  #closed = false

  /** `masked`: whether frames of this direction are masked (from the client) or not (from the origin). */
  constructor(masked: boolean) {
    this.#masked = masked
  }

  /** A frame of ours may be written now. */
  get atBorder(): boolean {
    return !this.#lost && this.#have === 0 && this.#payload === 0
  }

  /** The stream does not look like WebSocket frames. */
  get lost(): boolean {
    return this.#lost
  }

  /** A Close frame has passed: nothing may follow it. */
  get closed(): boolean {
    return this.#closed
  }

  /** Goes through a chunk, or with `stopAtBorder` up to the first border in it. Returns the number of bytes passed. */
  advance(chunk: Buffer, stopAtBorder = false): number {
    let at = 0
    while (at < chunk.length && !this.#lost) {
      if (this.#payload > 0) {
        const skipped = Math.min(this.#payload, chunk.length - at)
        this.#payload -= skipped
        at += skipped
      } else this.#takeHeaderByte(chunk[at++]!)
      if (stopAtBorder && this.atBorder) return at
    }
    return chunk.length
  }

  #takeHeaderByte(byte: number): void {
    this.#header[this.#have++] = byte
    if (this.#have === 2) this.#need = this.#headerLength(byte)
    if (this.#have < this.#need || this.#lost) return
    this.#payload = this.#payloadLength()
    if ((this.#header[0]! & 0x0f) === CLOSE) this.#closed = true
    this.#have = 0
    this.#need = 2
  }

  #headerLength(second: number): number {
    const short = second & 0x7f
    const isControl = (this.#header[0]! & 0x08) !== 0
    if (second >> 7 !== Number(this.#masked) || (isControl && short > 125)) this.#lost = true
    return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (this.#masked ? 4 : 0)
  }

  #payloadLength(): number {
    const short = this.#header[1]! & 0x7f
    if (short < 126) return short
    if (short === 126) return this.#header.readUInt16BE(2)
    const high = this.#header.readUInt32BE(2)
    if (high >= 2 ** 21) this.#lost = true
    return high * 2 ** 32 + this.#header.readUInt32BE(6)
  }
}

/** A Close frame with a status code (RFC 6455 §5.5.1), masked if it goes to an origin (§5.3). */
export function closeFrame(code: number, masked: boolean): Buffer {
  const payload = Buffer.from([code >> 8, code & 0xff])
  if (!masked) return Buffer.from([0x80 | CLOSE, payload.length, ...payload])
  const mask = randomBytes(4)
  const hidden = payload.map((byte, i) => byte ^ mask[i]!)
  return Buffer.from([0x80 | CLOSE, 0x80 | payload.length, ...mask, ...hidden])
}
