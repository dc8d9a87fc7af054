/**
 * The side of a fill that faces the origin: one exchange at a time, its pace, and what logs want to know of it.
 */
import type { Dispatcher } from 'undici'
import type { Dispatch, ExchangeRequest, FollowedExchange } from '../../upstream/index.ts'
import { nobodyWaits } from '../errors.ts'
import type { ExchangeTimes } from '../rules/age.ts'
import { Attempt, type AttemptEvents } from './attempt.ts'

export class Asking implements FollowedExchange {
  readonly #upstream: string
  readonly #next: Dispatch
  readonly #events: AttemptEvents
  #attempt: Attempt | null = null
  #exchange: FollowedExchange | null = null
  #requestTimeMs = 0
  #isPaused = false

  constructor(upstream: string, next: Dispatch, events: AttemptEvents) {
    this.#upstream = upstream
    this.#next = next
    this.#events = events
  }

  get attempts(): number {
    return this.#exchange?.attempts ?? 0
  }

  get pool(): FollowedExchange['pool'] {
    return this.#exchange?.pool ?? null
  }

  get hasBegun(): boolean {
    return this.#attempt !== null
  }

  ask(request: ExchangeRequest): void {
    const attempt = new Attempt(this.#events)
    this.#attempt = attempt
    this.#requestTimeMs = Date.now()
    try {
      this.#exchange = this.#next(this.#upstream, request, attempt)
    } catch (error) {
      this.#events.fail(error as Error)
    }
  }

  /** The exchange was begun by somebody else, who gives what it tells to the attempt that is returned. */
  takeOver(controller: Dispatcher.DispatchController, requestTimeMs: number): Attempt {
    const attempt = new Attempt(this.#events)
    attempt.onRequestStart(controller)
    this.#attempt = attempt
    this.#requestTimeMs = requestTimeMs
    return attempt
  }

  /** For a head that has come just now. */
  times(): ExchangeTimes {
    return { requestTimeMs: this.#requestTimeMs, responseTimeMs: Date.now() }
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  pause(isPaused: boolean): void {
    const controller = this.#attempt?.controller ?? null
    if (isPaused === this.#isPaused || controller === null) return
    this.#isPaused = isPaused
    if (isPaused) controller.pause()
    else controller.resume()
  }

  /** What it still says is of no interest; the connection lives on. */
  ignore(): void {
    this.#attempt?.ignore()
    this.pause(false)
  }

  giveUp(): void {
    this.#attempt?.giveUp(nobodyWaits())
  }
}
