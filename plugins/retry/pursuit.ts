/**
 * What follows the failure of an attempt: another one after a pause, a wait for an origin that restarts, or nothing, each
 * with its reason. Made when a request first needs it.
 */
import { addNote } from '../contract/index.ts'
import { type ExchangeRequest, retold, type UpstreamFailure } from '../upstream/index.ts'
import type { Parked } from './parking.ts'
import { backoffMs } from './rules/backoff.ts'
import { decidePark, isAway } from './rules/decide-park.ts'
import { decideRetry, type Failure, type RetryDecision } from './rules/decide-retry.ts'
import { isMeantToLast } from './rules/meant-to-last.ts'
import { retryAfterOf } from './rules/retry-after.ts'
import type { UpstreamState } from './upstream-state.ts'

/** Outages that one request waits out. */
const MAX_PARKINGS = 5

export interface Pursued {
  readonly state: UpstreamState
  readonly request: ExchangeRequest
  /** `performance.now()` when the request came. */
  readonly startedMs: number
  /** Attempts that reached a connection. */
  readonly attempts: number
  readonly isReplayable: boolean
  /** Of the attempt that failed. */
  readonly origin: string | null
  /** Makes the next attempt. */
  send(): void
  fail(error: Error): void
}

export class Pursuit implements Parked {
  /** Origins that failed, for the choice of the next one. */
  avoid: Set<string> | null = null
  /** Places taken from the budget, to be given back when the request is over. */
  paid = 0
  /** Attempts after the first. */
  retries = 0
  #parkings = 0
  #isParked = false
  #timer: NodeJS.Timeout | null = null
  #letGo: (() => void) | null = null
  #whyNot: string | null = null
  readonly #host: Pursued

  constructor(host: Pursued) {
    this.#host = host
  }

  /** Between two attempts. */
  get isWaiting(): boolean {
    return this.#isParked || this.#timer !== null
  }

  /** True = the request goes on; false = the failure stands. */
  afterFailure(failure: UpstreamFailure): boolean {
    const { state } = this.#host
    if (failure.unsent && isAway(failure.kind)) {
      state.parking.noteAway(failure, performance.now())
      // A wait for the origin takes the place of attempts at it.
      if (state.holdMs > 0) return this.park(failure)
    }
    const { kind, unprocessed } = failure
    return this.#follow(this.#decide({ by: 'kind', kind, unprocessed }))
  }

  /** An answer whose status may be followed by another attempt. */
  afterAnswer(status: number, rawHeaders: readonly string[]): boolean {
    const retryAfterMs = retryAfterOf(rawHeaders, Date.now())
    const lasts = isMeantToLast(rawHeaders)
    return this.#follow(this.#decide({ by: 'status', status, retryAfterMs, lasts }))
  }

  /** Lets the request wait for its origins, which fail with `failure`; false = it may not. */
  park(failure: UpstreamFailure): boolean {
    const { state, isReplayable, request } = this.#host
    const { parking, holdMs, policy } = state
    const { kind, unsent } = failure
    const hasStandIn = request.hasStandIn === true
    const waiting = { outageSinceMs: parking.sinceMs, parked: parking.size }
    const facts = { kind, unsent, isReplayable, hasStandIn, ...waiting }
    const rules = { holdMs: this.#parkings < MAX_PARKINGS ? holdMs : 0, maxParked: policy.maxHeld }
    const decision = decidePark(facts, rules, performance.now())
    if (!decision.park) return this.#refuse(decision.reason)
    this.#parkings++
    this.#isParked = true
    this.#letGo ??= state.hold()
    parking.add(this, decision.untilMs)
    this.#note('held')
    return true
  }

  onReachable(): void {
    this.#isParked = false
    this.#host.state.count.held('released')
    this.#goOn()
  }

  onExpired(failure: UpstreamFailure): void {
    this.#isParked = false
    this.#host.state.count.held('expired')
    this.#whyNot = 'held to the limit'
    this.#host.fail(this.tell(failure))
  }

  #goOn(): void {
    // The attempt may fail at once, and begin another wait.
    const letGo = this.#letGo
    this.#letGo = null
    this.#host.send()
    letGo?.()
  }

  /** The client has left. */
  cancel(): void {
    if (this.#isParked) this.#host.state.count.held('left')
    this.#host.state.parking.delete(this)
    this.#isParked = false
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#letGo?.()
    this.#letGo = null
  }

  /** The failure as the client is told of it, with what was tried and why not more (RFC 9209 §2.3). */
  tell(failure: UpstreamFailure): UpstreamFailure {
    const isPlain = this.retries === 0 && this.#parkings === 0
    if (this.#whyNot === null || (isPlain && obvious.has(this.#whyNot))) return failure
    const { attempts } = this.#host
    return retold(failure, `${attempts === 1 ? '1 attempt' : `${attempts} attempts`}, no further: ${this.#whyNot}`)
  }

  #decide(failure: Failure): RetryDecision {
    const { state, request, isReplayable, startedMs } = this.#host
    return decideRetry(
      {
        failure,
        method: request.method,
        hasKey: state.rules.idempotencyKey && hasIdempotencyKey(request.headers),
        isReplayable,
        // What the pool sends again on a closing connection (ADR 3) is the same attempt.
        attempts: this.retries + 1,
        leftMs: startedMs + state.policy.deadlineMs - performance.now(),
      },
      state.rules,
    )
  }

  #follow(decision: RetryDecision): boolean {
    if (!decision.retry) return this.#refuse(decision.reason)
    const { state } = this.#host
    if (!state.budget.take(performance.now())) return this.#refuse('budget')
    this.paid++
    state.count.retry(decision.reason)
    const waitMs = this.#avoidOrigin() ? 0 : (decision.waitMs ?? backoffMs(state.backoff, this.retries, Math.random()))
    this.retries++
    this.#note(decision.reason, waitMs)
    this.#letGo ??= state.hold()
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#goOn()
    }, waitMs)
    return true
  }

  /** True when there is an origin that this request has not failed at. */
  #avoidOrigin(): boolean {
    const { state, origin } = this.#host
    const origins = state.originCount()
    if (origins < 2 || origin === null) return false
    this.avoid ??= new Set()
    this.avoid.add(origin)
    if (this.avoid.size < origins) return true
    this.avoid.clear()
    return false
  }

  #refuse(reason: string): false {
    this.#whyNot = reason
    this.#host.state.count.refused(reason)
    this.#note(`no-retry: ${reason}`)
    return false
  }

  #note(reason: string, waitMs: number | null = null): void {
    const { request, attempts } = this.#host
    addNote(request.incoming, { topic: 'retry', reason, numbers: { attempts, waitMs } })
  }
}

/** Reasons that go without saying where nothing was tried again. */
const obvious: ReadonlySet<string> = new Set(['given-up', 'kind', 'method', 'status', 'attempts', 'off', 'sent'])

function hasIdempotencyKey(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length === 15 && name.toLowerCase() === 'idempotency-key') return true
  }
  return false
}
