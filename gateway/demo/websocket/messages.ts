/**
 * Messages out of frames (RFC 6455 §5.4, §5.5, §7.4): joins fragments, checks order and UTF-8, and says what to do.
 */
import { isUtf8 } from 'node:buffer'
import { type Fault, type Frame, MAX_PAYLOAD, OPCODE } from './frames.ts'

export type Step =
  | { readonly do: 'wait' }
  | { readonly do: 'message'; readonly opcode: number; readonly payload: Buffer }
  | { readonly do: 'pong'; readonly payload: Buffer }
  /** Answer a close frame with the code that came, or none. */
  | { readonly do: 'close'; readonly code: number | null }
  | { readonly do: 'fail'; readonly fault: Fault }

/** Most fragments of one message, so that tiny ones cannot cost more memory than their bytes. */
const MAX_FRAGMENTS = 1024

/** Puts messages together; one per connection. */
export class MessageReader {
  #opcode = 0
  #fragments: Buffer[] = []
  #length = 0

  /** What follows from the next frame. */
  take(frame: Frame): Step {
    if (frame.opcode === OPCODE.ping) return { do: 'pong', payload: frame.payload }
    if (frame.opcode === OPCODE.pong) return { do: 'wait' }
    if (frame.opcode === OPCODE.close) return readClose(frame.payload)
    const isContinuation = frame.opcode === OPCODE.continuation
    if (isContinuation !== (this.#opcode !== 0)) return fail(1002, 'fragments out of order')
    if (!isContinuation) this.#opcode = frame.opcode
    this.#fragments.push(frame.payload)
    this.#length += frame.payload.length
    if (this.#length > MAX_PAYLOAD || this.#fragments.length > MAX_FRAGMENTS) return fail(1009, 'message too large')
    return frame.fin ? this.#finish() : { do: 'wait' }
  }

  #finish(): Step {
    const opcode = this.#opcode
    const [only] = this.#fragments
    const payload =
      this.#fragments.length === 1 && only !== undefined ? only : Buffer.concat(this.#fragments, this.#length)
    this.#opcode = 0
    this.#fragments = []
    this.#length = 0
    if (opcode === OPCODE.text && !isUtf8(payload)) return fail(1007, 'text is not UTF-8')
    return { do: 'message', opcode, payload }
  }
}

function readClose(payload: Buffer): Step {
  if (payload.length === 0) return { do: 'close', code: null }
  if (payload.length === 1) return fail(1002, 'invalid close frame')
  const code = payload.readUInt16BE(0)
  if (!isCloseCode(code)) return fail(1002, 'invalid close code')
  return isUtf8(payload.subarray(2)) ? { do: 'close', code } : fail(1007, 'reason is not UTF-8')
}

/** Codes that may stand in a close frame (RFC 6455 §7.4.1, §7.4.2 and the IANA registry). */
function isCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999
  return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)
}

function fail(code: number, reason: string): Step {
  return { do: 'fail', fault: { code, reason } }
}
