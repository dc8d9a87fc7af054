/**
 * The answer to a request that the cache only watches: says so in Cache-Status, and does to the store what a success
 * means for it: an unsafe method makes entries void (RFC 9111 §4.4), a HEAD renews one (§4.3.5).
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import type { ExchangeController, ExchangeHandler } from '../upstream/index.ts'
import { CACHE_NAME } from './names.ts'
import type { Passage } from './passage.ts'
import { Relay } from './relay.ts'
import { type ForwardReason, formatCacheStatus, forwardReason } from './rules/cache-status.ts'
import type { ReuseReason } from './rules/reuse.ts'

/** Told of the final head: status and flat fields as they came. */
export type HeadWatcher = (
  passage: Passage,
  status: number,
  rawHeaders: readonly string[],
  requestTimeMs: number,
) => void

export class ThroughAnswer extends Relay {
  readonly #passage: Passage
  readonly #watch: HeadWatcher | null
  readonly #startedMs = Date.now()

  constructor(handler: ExchangeHandler, passage: Passage, watch: HeadWatcher | null) {
    super(handler)
    this.#passage = passage
    this.#watch = watch
  }

  override onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    message?: string,
  ): void {
    const rawHeaders = (controller as ExchangeController).rawHeaders ?? []
    if (status < 200) return super.onResponseStart(controller, status, headers, message)
    this.#watch?.(this.#passage, status, rawHeaders, this.#startedMs)
    this.rawHeaders = [...rawHeaders, 'Cache-Status', statusLine(this.#passage)]
    this.handler.onResponseStart?.(this, status, headers, message ?? '')
  }
}

const own: Readonly<Record<string, ForwardReason>> = {
  unsafe: 'method',
  override: 'bypass',
  'if-match': 'bypass',
  'if-unmodified-since': 'bypass',
  'event-stream': 'bypass',
}

function statusLine({ reason, hasVariants }: Passage): string {
  const forward = own[reason] ?? forwardReason(reason as ReuseReason, hasVariants)
  return formatCacheStatus(CACHE_NAME, forward === 'bypass' ? { forward, detail: reason } : { forward })
}
