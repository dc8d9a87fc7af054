/**
 * The way of an answer straight to the raw reply, when nobody changes it. Over HTTP/1.1 its head and small pieces leave at
 * the end of the loop's turn, in one write where the whole answer has come by then; over HTTP/2 Node gathers by itself.
 */
import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { deferToTurnEnd, flushHead, type TurnEndTask } from '../contract/index.ts'
import type { AnswerHead } from './answer-head.ts'
import type { EarlyAnswer } from './call.ts'
import {
  addFrameworkFields,
  addTrailers,
  breakOff,
  closeStreamAfterAnswer,
  isHttp2,
  isRequestComplete,
  type WrittenHead,
  wholeHeadFor,
  writeHead,
} from './client-socket.ts'
import { hasNoBody } from './way-out.ts'
import type { WholeResponse } from './whole-response.ts'

/** So much of an answer waits at most for the end of the turn; nothing is won by more. */
const MOST_GATHERED_BYTES = 16_384

export interface DirectEvents {
  /** The client takes no more for now. */
  onFull(): void
  /** It does again. */
  onDrained(): void
  readonly onEarlyAnswer: EarlyAnswer
}

interface PendingHead {
  readonly head: WrittenHead
  readonly text: string
}

export class DirectWay implements TurnEndTask {
  readonly #reply: FastifyReply
  readonly #raw: ServerResponse
  readonly #isHttp2: boolean
  readonly #events: DirectEvents
  /** Bytes still to come; -1 when not known. */
  #expected = -1
  #hasBegun = false
  #isOver = false
  #gathered: Buffer[] = []
  #gatheredBytes = 0
  #isDeferred = false
  #isFull = false
  /** Not given to Node yet: the answer may be whole before the turn ends. */
  #pending: PendingHead | null = null

  constructor(reply: FastifyReply, events: DirectEvents) {
    this.#reply = reply
    this.#raw = reply.raw
    this.#isHttp2 = isHttp2(reply.raw)
    this.#events = events
  }

  /** The client may have the whole answer a moment before the origin has said that it ends. */
  get isWhole(): boolean {
    return this.#expected === 0
  }

  begin(status: number, reason: string, { fields, contentLength, trailer }: AnswerHead): void {
    const raw = this.#raw
    this.#reply.hijack()
    const isBodyless = hasNoBody(this.#reply.request.method, status)
    if (contentLength !== null && status !== 204) fields.push('Content-Length', String(contentLength))
    if (contentLength !== null && !isBodyless) this.#expected = contentLength
    addFrameworkFields(this.#reply, fields)
    if (!isRequestComplete(raw.req)) answerEarly(raw, fields, this.#events.onEarlyAnswer)
    const isChunked = contentLength === null && !isBodyless && (this.#isHttp2 || raw.req.httpVersion !== '1.0')
    if (isChunked && trailer !== null) fields.push('Trailer', trailer)
    // A body of known length ends with its last byte over HTTP/1.1, and trailers are announced (RFC 9110 §6.6.2).
    const mayHaveTrailers = contentLength === null || trailer !== null
    const head = { status, reason, fields, mayHaveTrailers }
    const isShort = isBodyless || (contentLength !== null && contentLength <= MOST_GATHERED_BYTES)
    const text = isShort && trailer === null ? wholeHeadFor(raw, head, null) : null
    if (text === null) writeHead(raw, head)
    else this.#pending = { head, text }
    // The body usually comes in the same turn and then shares a packet with the head; if not, the head goes alone.
    if (isBodyless) return
    if (this.#isHttp2) process.nextTick(flushUnlessBegun, this)
    else this.#defer()
  }

  write(piece: Buffer): void {
    this.#hasBegun = true
    if (this.#expected > 0) this.#expected -= piece.length
    this.#gathered.push(piece)
    this.#gatheredBytes += piece.length
    if (this.#isHttp2 || this.#gatheredBytes > MOST_GATHERED_BYTES) this.atTurnEnd()
    else this.#defer()
  }

  end(rawTrailers: readonly string[] | null): void {
    const raw = this.#raw
    this.#isOver = true
    if (raw.writableEnded) return
    this.#hasBegun = true
    addTrailers(raw, rawTrailers)
    if (this.#isHttp2) this.atTurnEnd()
    else this.#defer()
  }

  /** What has come goes out, so that the client sees as much of a cut answer as we do. */
  cut(): void {
    this.atTurnEnd()
    breakOff(this.#raw)
  }

  #defer(): void {
    if (this.#isDeferred) return
    this.#isDeferred = true
    deferToTurnEnd(this)
  }

  /** Sends what has been gathered, the end of the answer with it where that has come; at least the head. */
  atTurnEnd(): void {
    this.#isDeferred = false
    const raw = this.#raw
    if (raw.destroyed || raw.writableEnded) return
    const isEnd = this.#isOver || this.#expected === 0
    if (this.#pending !== null && this.#sendPending(this.#pending, isEnd)) return
    const last = isEnd ? (this.#gathered.pop() ?? null) : null
    if (this.#gathered.length > 0 || !isEnd) this.#send()
    if (isEnd) raw.end(last)
  }

  /** True where that was all. */
  #sendPending({ head, text }: PendingHead, isEnd: boolean): boolean {
    this.#pending = null
    const raw = this.#raw as WholeResponse
    if (isEnd && raw.takesWhole) {
      raw.endWhole(head.status, text, this.#gathered, this.#gatheredBytes)
      return true
    }
    writeHead(raw, head)
    return false
  }

  #send(): void {
    const raw = this.#raw
    const pieces = this.#gathered
    this.#gathered = []
    this.#gatheredBytes = 0
    if (this.#isHttp2) return this.#writeAll(pieces)
    // The socket, not the answer: a corked answer that is chunked does not tell that the socket is full.
    const { socket } = raw
    socket?.cork()
    if (this.#hasBegun) this.#writeAll(pieces)
    else flushHead(raw)
    socket?.uncork()
  }

  #writeAll(pieces: readonly Buffer[]): void {
    for (const piece of pieces) {
      if (this.#raw.write(piece) || this.#isFull) continue
      this.#isFull = true
      this.#events.onFull()
      this.#raw.once('drain', () => {
        this.#isFull = false
        this.#events.onDrained()
      })
    }
  }

  flushUnlessBegun(): void {
    const raw = this.#raw
    if (!this.#hasBegun && !raw.writableEnded && !raw.destroyed) flushHead(raw)
  }
}

/** RFC 9112 §9.3: a connection whose request was not read to its end carries no other. */
export function answerEarly(raw: ServerResponse, fields: string[], onEarlyAnswer: EarlyAnswer): void {
  if (isHttp2(raw)) return closeStreamAfterAnswer(raw)
  fields.push('Connection', 'close')
  onEarlyAnswer(raw.req, raw)
}

function flushUnlessBegun(way: DirectWay): void {
  way.flushUnlessBegun()
}
