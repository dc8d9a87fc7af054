/**
 * Reads one answer after another out of received bytes: interim heads, the final head, the body, its end (RFC 9112 §4
 * to §8). It is asked for one event at a time, so that whoever reads can stop between any two.
 */
import type { FailureKind } from '../errors.ts'
import { ChunkedDecoder } from './chunked-decoder.ts'
import { decideFraming, isPersistent, mayBeFollowed, parseKeepAliveHintMs, readConnectionFields } from './framing.ts'
import { readHead } from './head-memory.ts'
import type { ParsedHead } from './head-parser.ts'
import { blankLine, SectionBuffer } from './section-buffer.ts'

/** RFC 9112 §2.2: a line may be taken to end there. Apps that write their heads by hand forget the CR now and then. */
const LONE_LF = /(?:^|[^\r])\n/

const HEAD = 0
const LENGTH = 1
const CHUNKED = 2
const UNTIL_CLOSE = 3
const ENDING = 4
const ENDED = 5

/**
 * `head`: an interim or the final head, see `status`; `data`: content is [dataStart, dataEnd) of the piece; `end`: the
 * answer is whole; `more`: the piece is used up; else the kind of failure, with `problem` saying why.
 */
export type AnswerStep = 'more' | 'head' | 'data' | 'end' | Extract<FailureKind, 'invalid' | 'headTooLarge'>

export class AnswerReader {
  /** Next byte of the piece that was not read. */
  position = 0
  dataStart = 0
  dataEnd = 0
  status = 0
  message = ''
  headers: string[] = []
  problem = ''
  /** Whether the head allows another request on the connection; false while it is not known. */
  persistent = false
  keepAliveHintMs: number | null = null
  readonly #maxHeadBytes: number
  readonly #maxInterim: number
  readonly #section: SectionBuffer
  readonly #decoder = new ChunkedDecoder()
  #state = ENDED
  #method = ''
  #remaining = 0
  #interim = 0
  #isLoose = false

  constructor(maxHeadBytes: number, maxInterim: number) {
    this.#maxHeadBytes = maxHeadBytes
    this.#maxInterim = maxInterim
    this.#section = new SectionBuffer(maxHeadBytes, true)
  }

  /** Ready for the answer to a request of this method. */
  reset(method: string): void {
    this.#state = HEAD
    this.#method = method
    this.#interim = 0
    this.#isLoose = false
    this.persistent = false
    this.keepAliveHintMs = null
  }

  /** Trailer lines of the answer that has ended, flat; null if there were none. */
  get trailers(): string[] | null {
    return this.#decoder.trailers
  }

  /** Everything of the answer was read, only the event `end` is still to come. */
  get isEnding(): boolean {
    return this.#state === ENDING
  }

  /** Reads `piece` from `from` to the next event. */
  next(piece: Buffer, from: number): AnswerStep {
    this.position = from
    switch (this.#state) {
      case HEAD:
        return from === piece.length ? 'more' : this.#readHead(piece, from)
      case LENGTH:
      case UNTIL_CLOSE:
        return from === piece.length ? 'more' : this.#readPlain(piece, from)
      case CHUNKED:
        return this.#readChunked(piece, from)
      case ENDING:
        this.#state = ENDED
        return 'end'
      default:
        return 'more'
    }
  }

  /** The origin has closed; `isClean` is false if by an error. `reset`: not one byte of an answer had come. */
  finish(isClean: boolean): 'end' | Extract<FailureKind, 'reset' | 'incomplete'> {
    if (this.#state === UNTIL_CLOSE && isClean) return 'end'
    return this.#state === HEAD && this.#interim === 0 && this.#section.length === 0 ? 'reset' : 'incomplete'
  }

  #readHead(piece: Buffer, from: number): AnswerStep {
    if (this.#section.length === 0) {
      const end = piece.indexOf(blankLine, from)
      if (end !== -1 && end + blankLine.length - from <= this.#maxHeadBytes) {
        const text = piece.toString('latin1', from, end + 2)
        const head = readHead(text)
        if (typeof head !== 'string' || !LONE_LF.test(text)) {
          this.position = end + blankLine.length
          return this.#takeHead(head)
        }
      }
    }
    const gathering = this.#section.add(piece, from)
    this.position = this.#section.position
    if (gathering === 'whole') {
      this.#isLoose ||= this.#section.isLoose
      return this.#takeHead(readHead(this.#section.take(0)))
    }
    if (gathering === 'invalid') this.problem = 'not a head of HTTP/1'
    else if (gathering === 'tooLarge') {
      this.problem = `head larger than ${this.#maxHeadBytes} bytes`
      return 'headTooLarge'
    }
    return gathering
  }

  #takeHead(head: ParsedHead | string): AnswerStep {
    if (typeof head === 'string') return this.#refuse(head)
    this.status = head.status
    this.message = head.message
    this.headers = head.headers
    if (head.status >= 200) return this.#startBody(head.minor)
    if (head.status === 101) return this.#refuse('101 without an upgrade asked for')
    return ++this.#interim > this.#maxInterim ? this.#refuse('too many interim answers') : 'head'
  }

  #startBody(minor: 0 | 1): AnswerStep {
    const fields = readConnectionFields(this.headers)
    const framing = decideFraming(this.#method, this.status, minor, fields)
    if (framing.body === 'invalid') return this.#refuse(framing.reason)
    // What two readers may end at different places is the last thing that its connection says.
    this.persistent = !this.#isLoose && mayBeFollowed(framing, fields) && isPersistent(minor, fields.connection)
    this.keepAliveHintMs = parseKeepAliveHintMs(fields.keepAlive)
    this.#remaining = framing.length
    this.#decoder.reset()
    if (framing.body === 'chunked') this.#state = CHUNKED
    else if (framing.body === 'untilClose') this.#state = UNTIL_CLOSE
    else this.#state = framing.length === 0 ? ENDING : LENGTH
    return 'head'
  }

  #readPlain(piece: Buffer, from: number): AnswerStep {
    let end = piece.length
    if (this.#state === LENGTH) {
      end = Math.min(end, from + this.#remaining)
      this.#remaining -= end - from
      if (this.#remaining === 0) this.#state = ENDING
    }
    this.dataStart = from
    this.dataEnd = end
    this.position = end
    return 'data'
  }

  #readChunked(piece: Buffer, from: number): AnswerStep {
    const decoder = this.#decoder
    const step = decoder.next(piece, from)
    this.position = decoder.position
    if (step === 'data') {
      this.dataStart = decoder.dataStart
      this.dataEnd = decoder.dataEnd
    } else if (step === 'end') this.#state = ENDED
    else if (step === 'invalid') this.problem = decoder.problem
    return step
  }

  #refuse(problem: string): 'invalid' {
    this.problem = problem
    return 'invalid'
  }
}
