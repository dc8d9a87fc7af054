/**
 * One request whose body changes its coding on the way: stands between whoever sends it and the way on, fails for the
 * client where the body is what is wrong, and sends the plain body where an app refuses the encoded one with 415.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import {
  type ExchangeController,
  type ExchangeHandler,
  type ExchangeRequest,
  type FollowedExchange,
  rawHeadersOnly,
} from '../../upstream/index.ts'
import { readFirstBlock } from '../codec/first-block.ts'
import type { Ticker } from '../codec/ticker.ts'
import { JoinedBody } from './joined-body.ts'
import { Leg, type LegOwner } from './leg.ts'
import type { RecodedBody } from './recoded-body.ts'

/** Longest wait for a short body, of which all is said to be on its way. */
const HOLD_MS = 1_000
/** A client that has been silent for so long may wait for an answer: no app has been asked yet. */
const HOLD_IDLE_MS = 200

/** What is sent, and what is known of it. */
export interface BodyPlan {
  /** With the head for the recoded body; the body is still to be put in. */
  readonly request: ExchangeRequest
  readonly body: RecodedBody
  /** Bytes of a short body that is waited for, so that it goes out with its length; 0 = it is a stream. */
  readonly holdBytes: number
  /** The request in place of one whose whole recoded body is at hand; null = as it is. */
  insteadOf(whole: Buffer): ExchangeRequest | null
  /** A final head has come, `isPlain` of the plain body. What to send in its place, what to fail with, or null. */
  afterHead(status: number, rawHeaders: readonly string[], isPlain: boolean): ExchangeRequest | Error | null
  /** It is over, in whatever way; `failure` is what was wrong with the body. */
  end(failure: Error | null): void
}

export interface BodyWay {
  dispatch(request: ExchangeRequest, handler: ExchangeHandler): FollowedExchange
  readonly ticker: Ticker
}

export class BodyExchange implements ExchangeController, FollowedExchange, LegOwner {
  rawHeaders: string[] | null = null
  rawTrailers: string[] | null = null
  readonly #way: BodyWay
  readonly #plan: BodyPlan
  readonly #outer: ExchangeHandler
  #leg: Leg | null = null
  #sent: Readable | null = null
  #isPlain = false
  #isOver = false
  #isPaused = false
  #reason: Error | null = null
  #bodyFailure: Error | null = null

  constructor(way: BodyWay, plan: BodyPlan, outer: ExchangeHandler) {
    this.#way = way
    this.#plan = plan
    this.#outer = outer
  }

  /** @throws what the way on throws, when nothing has to be waited for. */
  start(): void {
    const { body, request, holdBytes } = this.#plan
    body.on('error', error => this.#bodyFailed(error))
    this.#outer.onRequestStart?.(this, {})
    if (this.#reason !== null) return this.fail(this.#reason)
    if (holdBytes > 0) return this.#hold(holdBytes)
    try {
      this.#send({ ...request, body, bodyLength: null })
    } catch (error) {
      this.#finish()
      throw error
    }
  }

  /** A short body is known whole in a moment: apps that read no chunked bodies get one with a length. */
  #hold(holdBytes: number): void {
    const { body, request } = this.#plan
    readFirstBlock(
      body,
      { limit: holdBytes, holdMs: HOLD_MS, idleMs: HOLD_IDLE_MS },
      this.#way.ticker,
      (error, block) => {
        if (this.#isOver) return
        if (block === null) return this.fail(this.#bodyFailure ?? error ?? new Error('the body was cut'))
        const { bytes, isWhole } = block
        if (!isWhole) return this.#sendLater({ ...request, body: new JoinedBody([bytes], body), bodyLength: null })
        const instead = this.#plan.insteadOf(bytes)
        this.#isPlain = instead !== null
        this.#sendLater(instead ?? { ...request, body: bytes, bodyLength: bytes.length })
      },
    )
    body.resume()
  }

  #send(request: ExchangeRequest): void {
    const leg = new Leg(this, this.#outer[rawHeadersOnly] as true)
    this.#leg = leg
    this.#sent = request.body === null || Buffer.isBuffer(request.body) ? null : request.body
    leg.exchange = this.#way.dispatch(request, leg)
  }

  /** Nobody is there to catch what the way on throws. */
  #sendLater(request: ExchangeRequest): void {
    try {
      this.#send(request)
    } catch (error) {
      this.fail(error as Error)
    }
  }

  /** What the client is told; what was merely cut is seen by the connection. */
  #bodyFailed(error: Error): void {
    if (this.#isOver || !isTold(error)) return
    this.#bodyFailure = error
    this.#leg?.abort(error)
  }

  fail(error: Error): void {
    if (this.#isOver) return
    const told = this.#bodyFailure ?? error
    this.#finish()
    this.#outer.onResponseError?.(this, told)
  }

  #finish(): void {
    this.#isOver = true
    if (this.#sent !== this.#plan.body) this.#sent?.destroy()
    this.#plan.end(this.#bodyFailure)
    this.#plan.body.destroy()
  }

  // What logs follow.

  get attempts(): number {
    return this.#leg?.exchange?.attempts ?? 0
  }

  get pool(): FollowedExchange['pool'] {
    return this.#leg?.exchange?.pool ?? null
  }

  // The controller of the caller.

  get aborted(): boolean {
    return this.#reason !== null
  }

  get reason(): Error | null {
    return this.#reason
  }

  get paused(): boolean {
    return this.#isPaused
  }

  abort(reason: Error): void {
    if (this.#isOver || this.#reason !== null) return
    this.#reason = reason
    if (this.#leg !== null) this.#leg.abort(reason)
    // Not while `onRequestStart` runs: `start` looks for it.
    else if (this.#plan.holdBytes > 0) process.nextTick(() => this.fail(reason))
  }

  pause(): void {
    this.#isPaused = true
    this.#leg?.controller?.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#leg?.controller?.resume()
  }

  // What the leg that counts tells.

  hears(leg: Leg): boolean {
    return leg === this.#leg && !this.#isOver
  }

  onSent(): void {
    this.#outer.onRequestSent?.()
  }

  onHead(leg: Leg, status: number, headers: IncomingHttpHeaders, message?: string): void {
    const rawHeaders = (leg.controller as ExchangeController).rawHeaders ?? []
    if (status >= 200) {
      const instead = this.#plan.afterHead(status, rawHeaders, this.#isPlain)
      if (instead !== null) return this.#replace(leg, instead)
    }
    this.rawHeaders = rawHeaders
    this.#outer.onResponseStart?.(this, status, headers, message)
  }

  #replace(leg: Leg, instead: ExchangeRequest | Error): void {
    this.#isPlain = true
    // From here on the first leg is not heard.
    this.#leg = null
    if (instead instanceof Error) this.#bodyFailure = instead
    leg.abort(notWanted())
    this.#plan.body.destroy()
    // Not within a callback of the exchange that was just given up.
    process.nextTick(() => {
      if (this.#isOver) return
      if (this.#reason !== null || instead instanceof Error) this.fail(this.#reason ?? (instead as Error))
      else this.#sendLater(instead)
    })
  }

  onData(chunk: Buffer): void {
    this.#outer.onResponseData?.(this, chunk)
  }

  onEnd(leg: Leg, trailers: IncomingHttpHeaders): void {
    this.rawTrailers = (leg.controller as ExchangeController).rawTrailers
    this.#finish()
    this.#outer.onResponseEnd?.(this, trailers)
  }
}

function isTold(error: Error): boolean {
  return String((error as { code?: unknown }).code).startsWith('HG_')
}

function notWanted(): Error {
  return new Error('the plain body is sent instead')
}
