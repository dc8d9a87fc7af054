/**
 * One sending of a request whose body changes its coding. Once another has taken its place nothing of it is heard.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import { type ExchangeHandler, type FollowedExchange, rawHeadersOnly } from '../../upstream/index.ts'

type Controller = Dispatcher.DispatchController

export interface LegOwner {
  readonly paused: boolean
  /** Whether this leg is the one that counts. */
  hears(leg: Leg): boolean
  onSent(): void
  onHead(leg: Leg, status: number, headers: IncomingHttpHeaders, message?: string): void
  onData(chunk: Buffer): void
  onEnd(leg: Leg, trailers: IncomingHttpHeaders): void
  fail(error: Error): void
}

export class Leg implements ExchangeHandler {
  readonly [rawHeadersOnly]: true
  controller: Controller | null = null
  exchange: FollowedExchange | null = null
  readonly #owner: LegOwner
  #reason: Error | null = null

  constructor(owner: LegOwner, isRaw: true) {
    this[rawHeadersOnly] = isRaw
    this.#owner = owner
  }

  abort(reason: Error): void {
    this.#reason ??= reason
    this.controller?.abort(reason)
  }

  onRequestStart(controller: Controller): void {
    this.controller = controller
    if (this.#reason !== null) controller.abort(this.#reason)
    else if (this.#owner.paused) controller.pause()
  }

  onRequestSent(): void {
    if (this.#owner.hears(this)) this.#owner.onSent()
  }

  onResponseStart(controller: Controller, status: number, headers: IncomingHttpHeaders, message?: string): void {
    this.controller = controller
    if (this.#owner.hears(this)) this.#owner.onHead(this, status, headers, message)
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    if (this.#owner.hears(this)) this.#owner.onData(chunk)
  }

  onResponseEnd(_controller: Controller, trailers: IncomingHttpHeaders): void {
    if (this.#owner.hears(this)) this.#owner.onEnd(this, trailers)
  }

  onResponseError(_controller: Controller | null, error: Error): void {
    if (this.#owner.hears(this)) this.#owner.fail(error)
  }
}
