/**
 * Stands between the source of an answer and the client's side and passes everything on; what extends it changes one
 * thing on the way.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import { type ExchangeController, type ExchangeHandler, rawHeadersOnly } from '../upstream/index.ts'

export class Relay implements ExchangeHandler, ExchangeController {
  readonly [rawHeadersOnly] = true
  rawHeaders: string[] | null = null
  rawTrailers: string[] | null = null
  protected readonly handler: ExchangeHandler
  #controller: Dispatcher.DispatchController | null = null

  constructor(handler: ExchangeHandler) {
    this.handler = handler
  }

  get paused(): boolean {
    return this.#controller?.paused ?? false
  }

  get aborted(): boolean {
    return this.#controller?.aborted ?? false
  }

  get reason(): Error | null {
    return this.#controller?.reason ?? null
  }

  pause(): void {
    this.#controller?.pause()
  }

  resume(): void {
    this.#controller?.resume()
  }

  abort(reason: Error): void {
    this.#controller?.abort(reason)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    this.handler.onRequestStart?.(this, {})
  }

  onRequestSent(): void {
    this.handler.onRequestSent?.()
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    message?: string,
  ): void {
    this.rawHeaders = (controller as ExchangeController).rawHeaders
    this.handler.onResponseStart?.(this, status, headers, message ?? '')
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.handler.onResponseData?.(this, chunk)
  }

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    this.rawTrailers = (controller as ExchangeController).rawTrailers
    this.handler.onResponseEnd?.(this, trailers)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.handler.onResponseError?.(this, error)
  }
}
