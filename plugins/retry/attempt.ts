/**
 * One attempt of a request: hands what it is told to its exchange for as long as it is the one that counts, and reads a
 * given-up answer to its end where that is cheap, so that the connection lives on (traps T6).
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import {
  type AttemptFacts,
  type ExchangeHandler,
  type FollowedExchange,
  rawHeadersOnly,
  upstreamFailure,
} from '../upstream/index.ts'
import { type Due, type DueTimes, ticksAtLeast } from './due-times.ts'

/** How much of a given-up answer is read, and for how long, before its connection is closed instead. */
export const MAX_DRAIN_BYTES = 65_536
export const MAX_DRAIN_MS = 1_000

type Controller = Dispatcher.DispatchController

export interface AttemptOwner {
  onStart(attempt: Attempt, controller: Controller): void
  onSent(attempt: Attempt): void
  onHead(attempt: Attempt, status: number, message: string): void
  onData(attempt: Attempt, chunk: Buffer): void
  onEnd(attempt: Attempt): void
  onError(attempt: Attempt, error: Error): void
}

export class Attempt implements ExchangeHandler, AttemptFacts, Due {
  readonly [rawHeadersOnly] = true
  bagIndex = -1
  dueTick = 0
  readonly number: number
  readonly isHedge: boolean
  queueMs = 0
  controller: Controller | null = null
  exchange: FollowedExchange | null = null
  readonly startedMs = performance.now()
  readonly #owner: AttemptOwner
  #isHeard = true
  #times: DueTimes | null = null
  #drained = 0

  constructor(owner: AttemptOwner, number: number, isHedge: boolean) {
    this.#owner = owner
    this.number = number
    this.isHedge = isHedge
  }

  get origin(): string | null {
    return this.exchange?.pool?.address.url ?? null
  }

  /** Its answer is not wanted: what is short of it is read away, the rest is not waited for. */
  abandon(times: DueTimes): void {
    this.#isHeard = false
    this.#times = times
    times.add(this, ticksAtLeast(MAX_DRAIN_MS))
  }

  /** Ends it now; nothing of it is heard any more. */
  giveUp(reason: Error): void {
    this.#isHeard = false
    this.#times?.delete(this)
    this.controller?.abort(reason)
  }

  onDue(): void {
    this.giveUp(notWanted())
  }

  onRequestStart(controller: Controller): void {
    this.controller = controller
    this.#owner.onStart(this, controller)
  }

  onRequestSent(): void {
    if (this.#isHeard) this.#owner.onSent(this)
  }

  onResponseStart(_controller: Controller, status: number, _headers: IncomingHttpHeaders, message?: string): void {
    if (this.#isHeard) this.#owner.onHead(this, status, message ?? '')
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    if (this.#isHeard) return this.#owner.onData(this, chunk)
    this.#drained += chunk.length
    if (this.#drained > MAX_DRAIN_BYTES) this.giveUp(notWanted())
  }

  onResponseEnd(): void {
    if (this.#isHeard) this.#owner.onEnd(this)
    else this.#times?.delete(this)
  }

  onResponseError(_controller: Controller | null, error: Error): void {
    if (this.#isHeard) this.#owner.onError(this, error)
    else this.#times?.delete(this)
  }
}

function notWanted(): Error {
  return upstreamFailure('aborted', false, new Error('another attempt is made'))
}
