/**
 * One request with all its attempts: the handler of each of them below, and what decides which of their answers goes up
 * (caller-side.ts). Nothing of an answer goes up before it is settled that this is the one.
 */
import type { Dispatcher } from 'undici'
import {
  type Dispatch,
  type ExchangeController,
  type ExchangeHandler,
  type ExchangeRequest,
  type FollowedExchange,
  isUpstreamFailure,
} from '../upstream/index.ts'
import { Attempt, type AttemptOwner } from './attempt.ts'
import { CallerSide } from './caller-side.ts'
import { HOLD_TICKS } from './due-times.ts'
import { bytesToAwait, HeldAnswer, type Holder } from './held-answer.ts'
import { type Pursued, Pursuit } from './pursuit.ts'
import { Race, type Raced } from './race.ts'
import { Replay } from './replay.ts'
import type { UpstreamState } from './upstream-state.ts'

export class RetriedExchange extends CallerSide implements AttemptOwner, FollowedExchange, Pursued, Raced, Holder {
  readonly startedMs = performance.now()
  readonly state: UpstreamState
  readonly request: ExchangeRequest
  readonly #next: Dispatch
  readonly #replay: Replay | null
  /** Sent again, were it to fail after it was sent. */
  readonly #isRepeatable: boolean
  #current: Attempt | null = null
  #held: HeldAnswer | null = null
  #pursuit: Pursuit | null = null
  #race: Race | null = null
  /** Of attempts that are over. */
  #attemptsBefore = 0
  /** The final head went up. */
  #hasBegun = false

  constructor(state: UpstreamState, next: Dispatch, request: ExchangeRequest, outer: ExchangeHandler) {
    super(outer)
    this.state = state
    this.request = request
    this.#next = next
    this.#isRepeatable = state.rules.methods.has(request.method)
    this.#replay = request.body === null || Buffer.isBuffer(request.body) ? null : replayOf(request, state)
  }

  /** @throws UpstreamFailure `noOrigin` for an upstream that is not configured. */
  start(): void {
    const { budget, parking } = this.state
    budget.active++
    this.outer.onRequestStart?.(this, {})
    if (this.abortReason !== null) return this.fail(this.abortReason)
    if (parking.outage !== null && this.#pursue().park(parking.outage)) return
    try {
      this.#send(false)
    } catch (error) {
      this.finish()
      throw error
    }
    const delayMs = this.isOver || this.request.body !== null ? 0 : this.state.hedging.delayFor(this.request)
    if (delayMs > 0) this.#race = new Race(this, delayMs)
  }

  // What logs follow.

  get attempts(): number {
    return this.#attemptsBefore + (this.#current?.exchange?.attempts ?? 0) + (this.#race?.attempts ?? 0)
  }

  get pool(): FollowedExchange['pool'] {
    return this.#current?.exchange?.pool ?? null
  }

  // What decides on further attempts.

  get isReplayable(): boolean {
    return this.#replay === null || this.#replay.isPossible
  }

  get origin(): string | null {
    return this.#current?.origin ?? null
  }

  get waiting(): Attempt | null {
    return this.#hasBegun || this.#held !== null || this.isBetweenAttempts ? null : this.#current
  }

  send(): void {
    try {
      this.#send(false)
    } catch (error) {
      this.fail(error as Error)
    }
  }

  sendHedge(): Attempt | null {
    const { state } = this
    if (this.isOver || this.abortReason !== null || !state.hedging.mayHedge(this.request)) return null
    if (!state.budget.take(performance.now())) return null
    this.#pursue().paid++
    try {
      return this.#send(true)
    } catch {
      return null
    }
  }

  // What the caller's side asks.

  protected get controller(): Dispatcher.DispatchController | null {
    return this.#current?.controller ?? null
  }

  protected get isBetweenAttempts(): boolean {
    return this.#pursuit?.isWaiting === true
  }

  // What attempts tell.

  onStart(_attempt: Attempt, controller: Dispatcher.DispatchController): void {
    if (this.abortReason !== null) controller.abort(this.abortReason)
  }

  onSent(attempt: Attempt): void {
    if (attempt === this.#current) this.outer.onRequestSent?.()
  }

  onHead(attempt: Attempt, status: number, message: string): void {
    const rawHeaders = (attempt.controller as ExchangeController).rawHeaders ?? []
    if (status < 200) {
      if (attempt === this.#current) this.tellHead(rawHeaders, status, message)
      return
    }
    this.state.parking.noteReached()
    if (status >= 400 && this.state.isRetried(status) && this.#isAnswerDropped(attempt, status, rawHeaders)) return
    if (this.state.hedging.isLearning) this.state.hedging.note(performance.now() - attempt.startedMs)
    if (this.#race !== null) this.#settleRace(attempt)
    this.rawHeaders = rawHeaders
    const wanted = this.#mayRepeat() ? bytesToAwait(this.request.method, status, rawHeaders) : 0
    if (wanted === 0) return this.#begin(status, message)
    this.#held = new HeldAnswer({ status, message, wanted }, this.state.held, this)
    this.state.times.add(this.#held, HOLD_TICKS)
  }

  onData(attempt: Attempt, chunk: Buffer): void {
    if (attempt !== this.#current) return
    if (this.#held !== null) {
      if (this.#held.keep(chunk)) return
      this.#release(this.#held)
    }
    this.outer.onResponseData?.(this, chunk)
  }

  onEnd(attempt: Attempt): void {
    if (attempt !== this.#current || this.isOver) return
    if (this.#held !== null) this.#release(this.#held)
    this.tellEnd((attempt.controller as ExchangeController).rawTrailers)
  }

  onError(attempt: Attempt, error: Error): void {
    if (this.isOver) return
    // The end of one of two that race is the client's doing, too: the race is closed with the request, and ends the other.
    const other = this.abortReason === null ? (this.#race?.lostBy(attempt) ?? null) : null
    if (other !== null) return this.#goOnWith(attempt, other)
    if (attempt !== this.#current) return
    if (this.#hasBegun || this.abortReason !== null) return this.fail(this.abortReason ?? error)
    this.#dropHeld()
    if (!isUpstreamFailure(error)) return this.fail(error)
    const pursuit = this.#pursue()
    if (!pursuit.afterFailure(error)) this.fail(pursuit.tell(error))
  }

  #pursue(): Pursuit {
    this.#pursuit ??= new Pursuit(this)
    return this.#pursuit
  }

  #send(isHedge: boolean): Attempt {
    const attempt = new Attempt(this, this.attempts + 1, isHedge)
    const avoid = isHedge ? hedgeAvoids(this.origin) : (this.#pursuit?.avoid ?? undefined)
    const { method, path, headers, bodyLength, trailers, incoming, holder, balanceKey } = this.request
    const body = this.#current === null || this.#replay === null ? this.request.body : this.#replay.body
    const request = { method, path, headers, body, bodyLength, trailers, incoming, holder, balanceKey, attempt, avoid }
    if (!isHedge) {
      this.#attemptsBefore = this.attempts
      this.#current = attempt
    }
    attempt.exchange = this.#next(this.state.name, request, attempt)
    return attempt
  }

  #mayRepeat(): boolean {
    const attempts = 1 + (this.#pursuit?.retries ?? 0)
    return this.#isRepeatable && attempts < this.state.rules.attempts && this.isReplayable
  }

  /** An answer that the client need not see: the other one of a race goes on, or another attempt is made. */
  #isAnswerDropped(attempt: Attempt, status: number, rawHeaders: readonly string[]): boolean {
    const other = this.#race?.lostBy(attempt) ?? null
    if (other !== null) {
      attempt.abandon(this.state.times)
      this.#goOnWith(attempt, other)
      return true
    }
    if (!this.#pursue().afterAnswer(status, rawHeaders)) return false
    attempt.abandon(this.state.times)
    return true
  }

  #settleRace(winner: Attempt): void {
    const race = this.#race as Race
    if (winner !== this.#current) this.#goOnWith(this.#current as Attempt, winner)
    race.wonBy(winner)
  }

  #goOnWith(lost: Attempt, other: Attempt): void {
    this.#attemptsBefore += lost.exchange?.attempts ?? 0
    this.#current = other
  }

  #begin(status: number, message: string): void {
    this.#hasBegun = true
    this.#replay?.drop()
    this.tellHead(this.rawHeaders ?? [], status, message)
  }

  #release(held: HeldAnswer): void {
    this.#held = null
    this.state.times.delete(held)
    const chunks = held.release()
    this.#begin(held.status, held.message)
    for (const chunk of chunks) this.outer.onResponseData?.(this, chunk)
  }

  onHoldOver(): void {
    if (this.#held === null) return
    try {
      this.#release(this.#held)
    } catch (thrown) {
      this.abort(thrown as Error)
    }
  }

  #dropHeld(): void {
    if (this.#held === null) return
    this.state.times.delete(this.#held)
    this.#held.release()
    this.#held = null
  }

  protected finish(): void {
    this.isOver = true
    this.state.budget.active--
    this.state.budget.retrying -= this.#pursuit?.paid ?? 0
    this.#dropHeld()
    this.#replay?.drop()
    this.#pursuit?.cancel()
    this.#race?.close()
  }
}

function replayOf(request: ExchangeRequest, state: UpstreamState): Replay {
  const isKept = state.rules.methods.has(request.method) || state.rules.idempotencyKey || state.mayBeRefused()
  return new Replay(request.body as never, isKept ? state.policy.replayBytes : 0)
}

function hedgeAvoids(origin: string | null): Set<string> | undefined {
  return origin === null ? undefined : new Set([origin])
}
