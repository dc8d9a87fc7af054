/**
 * The answer of an origin on its way to one client, by either way out: straight to the raw reply, or back to
 * @fastify/reply-from. Back-pressure in both directions, truncation stays visible, the client's leaving ends the
 * origin's work at once.
 */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import type { Dispatcher } from 'undici'
import { contentTypeOf, flushHead, isEndless } from '../contract/index.ts'
import { type ExchangeController, type ExchangeHandler, rawHeadersOnly } from '../upstream/index.ts'
import { type AnswerHead, asHeaderObject, MOST_STATUS, RESET_CONTENT } from './answer-head.ts'
import { AnswerStream } from './answer-stream.ts'
import type { EarlyAnswer, ProxyCall } from './call.ts'
import { breakOff, hasLeft, isHttp2, isRequestComplete, onLeave, writeInterim } from './client-socket.ts'
import { answerEarly, type DirectEvents, DirectWay } from './direct-way.ts'
import { clientLeft, streamClosed } from './errors.ts'
import { codingOf, type EventStream, type EventStreams } from './event-streams.ts'
import { LiveFacts } from './live-facts.ts'
import type { Pace, Pacer } from './pacing.ts'
import { clientHead } from './repeated-answer.ts'
import { type Changer, decideWayOut, hasNoBody } from './way-out.ts'

/** What reply-from takes for an answer. */
export type BridgeCallback = (
  error: Error | null,
  answer?: { statusCode: number; headers: Record<string, string | string[]>; body: unknown },
) => void

export interface AnswerSurroundings {
  readonly isDirectAllowed: boolean
  readonly changers: readonly Changer[]
  readonly onEarlyAnswer: EarlyAnswer
  readonly eventStreams: EventStreams
  /** Bounds how fast answers are sent; null while nobody does. */
  readonly pacer: { current: Pacer | null }
  /** Told of body bytes that passed, either way. */
  readonly onBytes: (count: number) => void
  /** Makes the answer for a failure that comes before any byte was sent. */
  fail(reply: FastifyReply, call: ProxyCall, error: Error): void
}

/** So much of an answer is waited for, within a turn of the loop, before the framework is given a stream of it. */
const MOST_EARLY_BYTES = 256 * 1024

export class ProxiedAnswer implements ExchangeHandler, EventStream, DirectEvents {
  readonly [rawHeadersOnly] = true
  readonly facts: LiveFacts
  readonly #call: ProxyCall
  readonly #reply: FastifyReply
  readonly #raw: ServerResponse
  readonly #around: AnswerSurroundings
  readonly #callback: BridgeCallback
  #controller: Dispatcher.DispatchController | null = null
  #gaveUp: Error | null = null
  #isOver = false
  #direct: DirectWay | null = null
  #hasBegun = false
  #waitsForDrain = false
  readonly #pace: Pace | null
  #waitsForPace = false
  #stream: AnswerStream | null = null
  /** On the way through the framework, before it has been given the answer. */
  #early: Buffer[] = []
  #earlyBytes = 0
  #start: (() => void) | null = null

  constructor(reply: FastifyReply, call: ProxyCall, around: AnswerSurroundings, callback: BridgeCallback) {
    this.#reply = reply
    this.#raw = reply.raw
    this.#call = call
    this.#around = around
    this.#callback = callback
    this.facts = new LiveFacts(call.upstream)
    this.#pace = around.pacer.current?.(reply.request, call) ?? null
    onLeave(this.#raw, () => this.#clientClosed())
    // It may have left while the request waited for something else.
    if (hasLeft(this.#raw)) this.#gaveUp = clientLeft()
  }

  /** Ends the exchange from the client's side: it left, or its body broke a rule. */
  giveUp(reason: Error): void {
    if (this.#isOver || this.#gaveUp !== null) return
    this.#gaveUp = reason
    this.#controller?.abort(reason)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#gaveUp !== null) controller.abort(this.#gaveUp)
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    given: number,
    _headers: IncomingHttpHeaders,
    reason?: string,
  ): void {
    const rawHeaders = (controller as ExchangeController).rawHeaders ?? []
    if (given < 200) return writeInterim(this.#raw, given, rawHeaders, this.#call.answerRules)
    const status = given > MOST_STATUS && isHttp2(this.#raw) ? 500 : given
    this.facts.headMs = performance.now()
    this.facts.status = status
    const { requestId, answerRules } = this.#call
    const told = clientHead(rawHeaders, { requestId, status, rules: answerRules })
    const { fields, trailer } = told
    const contentLength = status === RESET_CONTENT ? 0 : told.contentLength
    const { method } = this.#reply.request
    const answer = { method, status, fields, contentLength, hasTrailers: trailer !== null }
    const { isDirectAllowed, changers } = this.#around
    const { way } = decideWayOut(isDirectAllowed, changers, answer, this.#reply.request)
    this.facts.way = way
    this.facts.encoding = codingOf(fields)
    if (isEndless(contentTypeOf(fields))) this.#holdOpen()
    // Small answers would never be held back if only what has come made the next piece wait.
    this.#keepPace(controller, 0)
    const head = { fields, contentLength: answer.contentLength, trailer }
    if (way === 'direct') {
      this.#direct = new DirectWay(this.#reply, this)
      this.#direct.begin(status, reason ?? '', head)
    } else this.#beginBridged(status, head)
  }

  #keepPace(controller: Dispatcher.DispatchController, bytes: number): void {
    if (this.#pace === null || this.#pace.take(bytes, this) || this.#waitsForPace) return
    this.#waitsForPace = true
    controller.pause()
  }

  /** By whoever bounds how fast it is sent. */
  goOn(): void {
    this.#waitsForPace = false
    this.#resume()
  }

  #resume(): void {
    if (!this.#waitsForPace && !this.#waitsForDrain && !this.#isOver) this.#controller?.resume()
  }

  #holdOpen(): void {
    this.facts.isLongHeld = true
    this.#around.eventStreams.add(this)
  }

  get route(): string {
    return this.#call.route
  }

  end(): void {
    this.giveUp(streamClosed())
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.facts.status === RESET_CONTENT) return
    this.facts.bytesOut += chunk.length
    this.#around.onBytes(chunk.length)
    if (this.#direct !== null) this.#direct.write(chunk)
    else this.#writeBridged(chunk)
    if (this.#pace !== null) this.#keepPace(controller, chunk.length)
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    this.#isOver = true
    this.#stream?.finish()
    this.#direct?.end((controller as ExchangeController).rawTrailers)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    this.facts.failure = (error as { code?: string }).code ?? 'HG_INTERNAL'
    if (this.#stream !== null) this.#failStream(this.#stream, error)
    else if (this.#direct !== null) this.#direct.cut()
    else if (this.facts.way !== null) breakOff(this.#raw)
    else if (!this.#raw.destroyed && !this.#reply.sent) this.#around.fail(this.#reply, this.#call, error)
  }

  /** Before the head has gone the framework makes an answer of its own, which must not wear the origin's fields. */
  #failStream(stream: AnswerStream, error: Error): void {
    if (this.#raw.headersSent) breakOff(this.#raw)
    else for (const name in this.#reply.getHeaders()) this.#reply.removeHeader(name)
    stream.destroy(error)
  }

  get onEarlyAnswer(): EarlyAnswer {
    return this.#around.onEarlyAnswer
  }

  onFull(): void {
    this.#waitsForDrain = true
    this.#controller?.pause()
  }

  onDrained(): void {
    this.#waitsForDrain = false
    this.#resume()
  }

  flushHeadIfAlone(): void {
    const raw = this.#raw
    // Fastify puts the fields on the reply when it has taken the stream.
    const isReady = raw.headersSent || raw.hasHeader('via')
    if (!this.#hasBegun && isReady && !raw.writableEnded && !raw.destroyed) flushHead(raw)
  }

  #beginBridged(status: number, { fields, contentLength }: AnswerHead): void {
    const headers = asHeaderObject(fields)
    if (contentLength !== null && status !== 204) headers['content-length'] = String(contentLength)
    if (!isRequestComplete(this.#raw.req)) answerEarly(this.#raw, [], this.#around.onEarlyAnswer)
    this.#start = () => {
      this.#start = null
      this.#callback(null, { statusCode: status, headers, body: this.#bridgedBody('content-type' in headers) })
    }
    // A body of one read more than the landing holds is whole by then.
    setImmediate(startBridged, this)
  }

  startBridged(): void {
    this.#start?.()
  }

  /**
   * A Buffer when the whole answer came in this turn, so that a hook can work on it at once; else a stream. To a Buffer
   * without a type Fastify would add one, and a browser would then not look for itself.
   */
  #bridgedBody(hasType: boolean): Buffer | AnswerStream {
    const isWhole = this.#isOver && this.facts.failure === null
    const isBodyless = hasNoBody(this.#reply.request.method, this.facts.status)
    const early = this.#early
    this.#early = []
    if (isWhole && hasType && !isBodyless) return early.length === 1 ? (early[0] as Buffer) : Buffer.concat(early)
    const stream = new AnswerStream({ resume: () => this.onDrained(), abort: reason => this.giveUp(reason) })
    this.#stream = stream
    // An event stream may be silent for long: its head does not wait for the first event.
    setImmediate(flushUnlessBegun, this)
    for (const chunk of early) this.#pushBridged(stream, chunk)
    if (this.facts.failure !== null) stream.destroy(new Error(this.facts.failure))
    else if (isWhole) stream.finish()
    return stream
  }

  #writeBridged(chunk: Buffer): void {
    if (this.#stream !== null) {
      this.#hasBegun = true
      return this.#pushBridged(this.#stream, chunk)
    }
    this.#early.push(chunk)
    this.#earlyBytes += chunk.length
    if (this.#earlyBytes > MOST_EARLY_BYTES) this.startBridged()
  }

  #pushBridged(stream: AnswerStream, chunk: Buffer): void {
    if (!stream.push(chunk)) this.onFull()
  }

  #clientClosed(): void {
    this.#pace?.end()
    this.#around.eventStreams.delete(this)
    if (!this.#isOver && this.#direct?.isWhole !== true) this.giveUp(clientLeft())
  }
}

function flushUnlessBegun(answer: ProxiedAnswer): void {
  answer.flushHeadIfAlone()
}

function startBridged(answer: ProxiedAnswer): void {
  answer.startBridged()
}
