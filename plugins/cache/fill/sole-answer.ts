/**
 * The answer to a request that nobody else waits for and that nothing stored could answer: mostly one that must not be
 * kept, and so it is passed on as it comes. Where its head says that it may be kept, a fill takes over from there. An
 * unsafe request is one of these where its answer may be kept for others (RFC 9110 §9.3.3).
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import type { BagMember } from '../../contract/index.ts'
import type { ExchangeController, ExchangeHandler, ExchangeRequest } from '../../upstream/index.ts'
import type { Passage } from '../passage.ts'
import { Relay } from '../relay.ts'
import type { AnswerFacts } from '../rules/answer-facts.ts'
import { decideStorable, type StoreDecision } from '../rules/storable.ts'
import type { CacheCounters } from '../signals.ts'
import type { Attempt } from './attempt.ts'
import type { FillReader } from './fill-reader.ts'
import type { KeyTraits } from './key-traits.ts'
import { factsOf, withCacheStatus } from './last-head.ts'
import type { Releases } from './releases.ts'

/** A fill that has taken over: who reads from it, and whom it hears. */
export interface TakenOver {
  readonly reader: FillReader
  readonly attempt: Attempt
}

export interface SoleSurroundings {
  readonly traits: KeyTraits
  readonly releases: Pick<Releases, 'see'>
  readonly count: CacheCounters
  /** Makes void what the answer to an unsafe request makes void. */
  invalidate(passage: Passage, origin: { readonly status: number; readonly rawHeaders: readonly string[] }): unknown
  takeOver(sole: SoleAnswer, controller: Dispatcher.DispatchController): TakenOver
  /** Value of Cache-Status for an answer that is not kept; null = no reason worth telling. */
  statusOfUnkept(passage: Passage, detail: string | null): string
  forget(sole: SoleAnswer): void
}

export class SoleAnswer extends Relay implements BagMember {
  bagIndex = -1
  readonly passage: Passage
  readonly request: ExchangeRequest
  readonly client: ExchangeHandler
  readonly requestTimeMs = Date.now()
  readonly #around: SoleSurroundings
  #controller: Dispatcher.DispatchController | null = null
  #isVoid = false
  #taken: TakenOver | null = null

  constructor(passage: Passage, request: ExchangeRequest, client: ExchangeHandler, around: SoleSurroundings) {
    super(client)
    this.passage = passage
    this.request = request
    this.client = client
    this.#around = around
  }

  /** The one who asked. */
  get waiters(): number {
    return 1
  }

  /** Nobody waits for it but the one who asked. */
  checkTime(): void {}

  /** A purge or an invalidation has named its key before the head came. */
  makeVoid(): void {
    this.#isVoid = true
  }

  override get paused(): boolean {
    return this.#taken?.reader.paused ?? super.paused
  }

  override get aborted(): boolean {
    return this.#taken?.reader.aborted ?? super.aborted
  }

  override get reason(): Error | null {
    return this.#taken === null ? super.reason : this.#taken.reader.reason
  }

  override pause(): void {
    if (this.#taken === null) super.pause()
    else this.#taken.reader.pause()
  }

  override resume(): void {
    if (this.#taken === null) super.resume()
    else this.#taken.reader.resume()
  }

  override abort(reason: Error): void {
    this.#around.forget(this)
    if (this.#taken === null) super.abort(reason)
    else this.#taken.reader.abort(reason)
  }

  override onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    super.onRequestStart(controller)
  }

  override onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    message?: string,
  ): void {
    if (status < 200) return super.onResponseStart(controller, status, headers, message)
    this.#around.forget(this)
    const rawHeaders = (controller as ExchangeController).rawHeaders ?? []
    const answerFacts = factsOf(rawHeaders, Date.now())
    const decision = this.#decide(status, answerFacts)
    if (decision.store && !this.#isVoid) {
      this.#taken = this.#around.takeOver(this, this.#controller ?? controller)
      return this.#taken.attempt.onResponseStart(controller, status, headers, message)
    }
    const { passage } = this
    const { traits, count } = this.#around
    if (passage.way === 'unsafe') this.#around.invalidate(passage, { status, rawHeaders })
    else {
      void this.#around.releases.see(passage, status, answerFacts)
      traits.learnFrom(passage.key, decision, status)
    }
    if (!decision.store) count.refused(passage.scope.route, decision.reason)
    count.outcome(passage, 'miss')
    const line = this.#around.statusOfUnkept(passage, decision.store ? null : decision.reason)
    this.rawHeaders = withCacheStatus(rawHeaders, line)
    this.handler.onResponseStart?.(this, status, headers, message ?? '')
  }

  override onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#taken === null) this.handler.onResponseData?.(this, chunk)
    else this.#taken.attempt.onResponseData(controller, chunk)
  }

  override onResponseEnd(controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    if (this.#taken === null) super.onResponseEnd(controller, trailers)
    else this.#taken.attempt.onResponseEnd(controller)
  }

  override onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    this.#around.forget(this)
    if (this.#taken === null) super.onResponseError(controller, error)
    else this.#taken.attempt.onResponseError(controller, error)
  }

  #decide(status: number, answerFacts: AnswerFacts): StoreDecision {
    const { request, facts: requestFacts, hasBody: hasRequestBody, scope } = this.passage
    const times = { requestTimeMs: this.requestTimeMs, responseTimeMs: Date.now() }
    return decideStorable({ request, requestFacts, hasRequestBody, status, answerFacts, times }, scope.settings)
  }
}
