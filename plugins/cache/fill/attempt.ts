/**
 * One exchange with the origin for a fill. A fill may give one up and begin another; what an old one still says is not
 * heard any more.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import { nominatedFields } from '../../proxy/index.ts'
import { type ExchangeController, type ExchangeHandler, rawHeadersOnly } from '../../upstream/index.ts'
import { withoutFields } from '../rules/fields.ts'
import { neverStored } from '../rules/stored-head.ts'

/** The head of an origin's answer. */
export interface OriginHead {
  readonly status: number
  /** As it came. */
  readonly rawHeaders: readonly string[]
  readonly message: string
}

export interface AttemptEvents {
  head(head: OriginHead): void
  data(chunk: Buffer): void
  end(trailers: string[] | null): void
  fail(error: Error): void
}

export class Attempt implements ExchangeHandler {
  readonly [rawHeadersOnly] = true
  controller: Dispatcher.DispatchController | null = null
  readonly #events: AttemptEvents
  #isHeard = true

  constructor(events: AttemptEvents) {
    this.#events = events
  }

  /** What it still says is of no interest; the connection is left to end by itself. */
  ignore(): void {
    this.#isHeard = false
  }

  /** Ends it; nothing of it is heard after this. */
  giveUp(reason: Error): void {
    this.#isHeard = false
    this.controller?.abort(reason)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: IncomingHttpHeaders,
    message?: string,
  ): void {
    const rawHeaders = (controller as ExchangeController).rawHeaders ?? []
    if (this.#isHeard) this.#events.head({ status, rawHeaders, message: message ?? '' })
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isHeard) this.#events.data(chunk)
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#isHeard) this.#events.end((controller as ExchangeController).rawTrailers)
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#isHeard) this.#events.fail(error)
  }
}

const framing: ReadonlySet<string> = new Set(['content-length', 'trailer'])

/**
 * Fields that say who may get an answer. An app may not name them in Connection (RFC 9110 §7.6.1); where one does, they still
 * hold here: without them an answer for one person would be everybody's.
 */
const governing: ReadonlySet<string> = new Set(['cache-control', 'cdn-cache-control', 'pragma', 'set-cookie', 'vary'])

/** What of a head belongs to the answer and not to the connection it came by (RFC 9110 §7.6.1). */
export function endToEndFields(rawHeaders: readonly string[]): string[] {
  const nominated = nominatedFields(rawHeaders)
  if (nominated === null) return withoutFields(rawHeaders, neverStoredButCookies)
  const gone = [...nominated].filter(name => !governing.has(name))
  return withoutFields(rawHeaders, new Set([...neverStoredButCookies, ...gone]))
}

/** Set-Cookie and Age count for the decision; the stored head leaves them out. */
const neverStoredButCookies: ReadonlySet<string> = new Set(
  [...neverStored].filter(name => name !== 'set-cookie' && name !== 'age'),
)

export function withoutFraming(fields: readonly string[]): string[] {
  return withoutFields(fields, framing)
}
