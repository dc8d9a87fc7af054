/**
 * What the caller above a request with several attempts holds and hears: one controller, one head, one end, whichever of the
 * attempts they come from.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import { type ExchangeController, type ExchangeHandler, headersObject, rawHeadersOnly } from '../upstream/index.ts'

const noHeaders: IncomingHttpHeaders = Object.freeze({})

export abstract class CallerSide implements ExchangeController {
  rawHeaders: string[] | null = null
  rawTrailers: string[] | null = null
  protected readonly outer: ExchangeHandler
  protected isOver = false
  protected abortReason: Error | null = null
  #isPaused = false

  constructor(outer: ExchangeHandler) {
    this.outer = outer
  }

  /** Of the attempt whose answer goes up. */
  protected abstract get controller(): Dispatcher.DispatchController | null

  /** No attempt runs: the next one waits for its time. */
  protected abstract get isBetweenAttempts(): boolean

  /** Ends everything below; called once. */
  protected abstract finish(): void

  get aborted(): boolean {
    return this.abortReason !== null
  }

  get reason(): Error | null {
    return this.abortReason
  }

  get paused(): boolean {
    return this.#isPaused
  }

  abort(reason: Error): void {
    if (this.isOver || this.abortReason !== null) return
    this.abortReason = reason
    if (this.isBetweenAttempts) return this.fail(reason)
    this.controller?.abort(reason)
  }

  pause(): void {
    this.#isPaused = true
    this.controller?.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.controller?.resume()
  }

  fail(error: Error): void {
    if (this.isOver) return
    this.finish()
    this.outer.onResponseError?.(this, error)
  }

  protected tellHead(rawHeaders: string[], status: number, message: string): void {
    this.rawHeaders = rawHeaders
    this.outer.onResponseStart?.(this, status, this.#fieldsOf(rawHeaders), message)
  }

  protected tellEnd(rawTrailers: string[] | null): void {
    this.rawTrailers = rawTrailers
    this.finish()
    try {
      this.outer.onResponseEnd?.(this, this.#fieldsOf(rawTrailers ?? []))
    } catch (thrown) {
      this.outer.onResponseError?.(this, thrown as Error)
    }
  }

  /** For callers of undici's kind; one of ours reads the raw ones. */
  #fieldsOf(raw: string[]): IncomingHttpHeaders {
    return this.outer[rawHeadersOnly] === true ? noHeaders : headersObject(raw)
  }
}
