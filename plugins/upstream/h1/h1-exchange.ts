/**
 * One request and its answer on an HTTP/1.1 connection: the controller that the handler holds, and the calls to that
 * handler in undici's order. Raw heads are always there; header objects are built for handlers that read them.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { type ExchangeController, type ExchangeHandler, type ExchangeRequest, rawHeadersOnly } from '../exchange.ts'

/** What the controller asks of the connection. */
export interface ExchangeOwner {
  abort(exchange: H1Exchange, reason: Error): void
  pause(exchange: H1Exchange): void
  resume(exchange: H1Exchange): void
}

const noHeaders: IncomingHttpHeaders = Object.freeze({})

export class H1Exchange implements ExchangeController {
  readonly request: ExchangeRequest
  rawHeaders: string[] | null = null
  rawTrailers: string[] | null = null
  paused = false
  reason: Error | null = null
  /** Ended or failed: only a report of the failure can still follow. */
  isOver = false
  hasFailed = false
  /** A byte of the request was handed to the socket. */
  isSent = false
  readonly #owner: ExchangeOwner
  readonly #handler: ExchangeHandler
  readonly #isRawOnly: boolean

  constructor(owner: ExchangeOwner, request: ExchangeRequest, handler: ExchangeHandler) {
    this.#owner = owner
    this.request = request
    this.#handler = handler
    this.#isRawOnly = handler[rawHeadersOnly] === true
  }

  get aborted(): boolean {
    return this.reason !== null
  }

  abort(reason: Error): void {
    if (this.isOver) return
    this.reason = reason
    this.#owner.abort(this, reason)
  }

  pause(): void {
    if (this.isOver || this.paused) return
    this.paused = true
    this.#owner.pause(this)
  }

  resume(): void {
    if (this.isOver || !this.paused) return
    this.paused = false
    this.#owner.resume(this)
  }

  // Calls to the handler; what it throws is the connection's to catch, but for the last.

  start(): void {
    this.#handler.onRequestStart?.(this, {})
  }

  /** The request is on its way to the last byte. */
  sent(): void {
    if (this.isOver) return
    this.#handler.onRequestSent?.()
  }

  head(status: number, headers: string[], message: string): void {
    this.rawHeaders = headers
    this.#handler.onResponseStart?.(this, status, this.#isRawOnly ? noHeaders : asObject(headers), message)
  }

  content(chunk: Buffer): void {
    this.#handler.onResponseData?.(this, chunk)
  }

  end(trailers: string[] | null): void {
    this.isOver = true
    this.rawTrailers = trailers
    const given = this.#isRawOnly || trailers === null ? noHeaders : asObject(trailers)
    this.#handler.onResponseEnd?.(this, given)
  }

  /** Reports the failure. A handler that throws even here has nobody left to be told. */
  report(error: Error): void {
    try {
      this.#handler.onResponseError?.(this, error)
    } catch {}
  }
}

/** Lower-case names; repeated ones become arrays. Without prototype, so that no name can reach one. */
function asObject(lines: readonly string[]): IncomingHttpHeaders {
  const headers: Record<string, string | string[]> = Object.create(null)
  for (let i = 0; i < lines.length; i += 2) {
    const name = (lines[i] as string).toLowerCase()
    const value = lines[i + 1] as string
    const seen = headers[name]
    if (seen === undefined) headers[name] = value
    else if (Array.isArray(seen)) seen.push(value)
    else headers[name] = [seen, value]
  }
  return headers as IncomingHttpHeaders
}
