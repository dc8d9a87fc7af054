/**
 * One attempt between whoever sends it and the pools: waits for a place, holds it while the origin works, gives it back
 * exactly once. It is the handler of the pool below and the controller that the caller above sees, so the caller can
 * leave at any moment.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import type { BagMember } from '../contract/index.ts'
import {
  type Dispatch,
  type ExchangeController,
  type ExchangeHandler,
  type ExchangeRequest,
  type FollowedExchange,
  rawHeadersOnly,
} from '../upstream/index.ts'
import type { Connection } from './clients.ts'
import type { Waiting } from './fair-queue.ts'
import type { Lane } from './lane.ts'
import { newcomer } from './rules/pace.ts'

/** For a request of a kind that was not looked at, since nothing waited. */
export const UNRANKED = -1

/** How an attempt ended, as far as its place is concerned. */
export type PlaceEnd = 'ended' | 'held'

const nobody: Connection = { pace: newcomer, servedAt: 0 }

export class Slot implements ExchangeHandler, ExchangeController, FollowedExchange, BagMember, Waiting {
  readonly [rawHeadersOnly]: true
  bagIndex = -1
  readonly lane: Lane
  readonly request: ExchangeRequest
  rank = UNRANKED
  /** Of whom it is; '' = it found a free place, and nobody asked. */
  flowKey = ''
  connection = nobody
  /** By `performance.now()`; 0 = it never waited. */
  queuedMs = 0
  startedMs = 0
  /** Body sent to its end, or the start where there is none. */
  sentMs = 0
  headMs = 0
  /** Answers of the origins when this one was sent. */
  answersAtStart = 0
  foundIdle = false
  holdsPlace = false
  /** It runs without a place. */
  isHeld = false
  aborted = false
  reason: Error | null = null
  rawHeaders: string[] | null = null
  rawTrailers: string[] | null = null
  readonly #outer: ExchangeHandler
  readonly #next: Dispatch
  #inner: Dispatcher.DispatchController | null = null
  #exchange: FollowedExchange | null = null
  /** The group is kept while it waits. */
  #letGo: (() => void) | null = null
  #hasBegun = false
  #isOver = false
  #isPaused = false

  constructor(lane: Lane, request: ExchangeRequest, outer: ExchangeHandler, next: Dispatch) {
    this[rawHeadersOnly] = outer[rawHeadersOnly] as true
    this.lane = lane
    this.request = request
    this.#outer = outer
    this.#next = next
  }

  /** It has to wait: from now on the caller can give it up. */
  wait(nowMs: number): void {
    this.queuedMs = nowMs
    this.#letGo = this.lane.hold()
    this.#begin()
  }

  /** It has its place. @throws what the way on throws, when it is the caller's own turn. */
  send(): void {
    this.#exchange = this.#next(this.lane.name, this.request, this)
    this.#endWait()
  }

  /** It has its place after a wait: nobody is there to catch what the way on throws. */
  sendAfterWait(): void {
    try {
      this.send()
    } catch (error) {
      this.fail(error as Error)
    }
  }

  fail(error: Error): void {
    if (this.#isOver) return
    this.#begin()
    this.#isOver = true
    this.#endWait()
    this.lane.limiter.release(this, 'ended')
    this.#outer.onResponseError?.(this, error)
  }

  #endWait(): void {
    this.#letGo?.()
    this.#letGo = null
  }

  // What logs follow.

  get attempts(): number {
    return this.#exchange?.attempts ?? 0
  }

  get pool(): FollowedExchange['pool'] {
    return this.#exchange?.pool ?? null
  }

  // The controller of the caller.

  get paused(): boolean {
    return this.#isPaused
  }

  abort(reason: Error): void {
    if (this.#isOver || this.aborted) return
    this.aborted = true
    this.reason = reason
    if (this.#inner !== null) return this.#inner.abort(reason)
    if (this.lane.limiter.leave(this)) this.fail(reason)
  }

  pause(): void {
    this.#isPaused = true
    this.#inner?.pause()
    this.lane.limiter.notePaused(this)
  }

  resume(): void {
    this.#isPaused = false
    this.#inner?.resume()
  }

  // The handler of the pool.

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#inner = controller
    if (this.aborted) return controller.abort(this.reason as Error)
    if (this.#isPaused) controller.pause()
    this.#begin()
  }

  onRequestSent(): void {
    this.sentMs = performance.now()
    this.#outer.onRequestSent?.()
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    message?: string,
  ): void {
    this.rawHeaders = (controller as ExchangeController).rawHeaders
    if (status >= 200) this.lane.limiter.noteHead(this, status)
    this.#outer.onResponseStart?.(this, status, headers, message)
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#outer.onResponseData?.(this, chunk)
  }

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    this.#isOver = true
    this.rawTrailers = (controller as ExchangeController).rawTrailers
    this.lane.limiter.release(this, 'ended')
    this.#outer.onResponseEnd?.(this, trailers)
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.fail(error)
  }

  #begin(): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    this.#outer.onRequestStart?.(this, {})
  }
}
