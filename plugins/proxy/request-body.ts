/**
 * The request body on its way up: what it is by the head, a count of its bytes against the route's limit, a watch on
 * its progress (idle time only, never a wall clock), and the 100 that a client with Expect waits for.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BagMember } from '../contract/index.ts'

/** Bytes of the body by the head: a number, `unknown` when chunked (or HTTP/2 without length), or null for none. */
export type BodyLength = number | 'unknown' | null

/** RFC 9112 §6.3 for a request that Node has already found well framed. */
export function bodyLength(request: IncomingMessage): BodyLength {
  const { headers } = request
  const stream = (request as { stream?: { endAfterHeaders?: boolean } }).stream
  // RFC 9110 §9.3.2: content of HEAD means nothing. Over HTTP/2 Node does not tell a whole one from one that was cut.
  if (stream !== undefined && request.method === 'HEAD') return null
  if (headers['transfer-encoding'] !== undefined) return 'unknown'
  const length = headers['content-length']
  if (length !== undefined) return length === '0' ? null : Number(length)
  return stream !== undefined && stream.endAfterHeaders === false ? 'unknown' : null
}

/** RFC 9110 §10.1.1: in HTTP/1.0 the expectation means nothing, and its clients know no interim answers. */
export function waitsForContinue({ headers, httpVersion }: Pick<IncomingMessage, 'headers' | 'httpVersion'>): boolean {
  return httpVersion !== '1.0' && headers.expect?.toLowerCase() === '100-continue'
}

export interface BodyLimits {
  /** Null = no limit. */
  readonly maxBytes: number | null
  readonly idleMs: number
}

export interface BodyReports {
  onBytes(count: number): void
  /** The body broke a limit; at most one of the two is called, once. */
  onExceeded(): void
  onStalled(): void
}

/** Watches one body. */
export class RequestBody implements BagMember {
  bagIndex = -1
  readonly request: IncomingMessage
  bytes = 0
  readonly #limits: BodyLimits
  readonly #reports: BodyReports
  #progressMs = performance.now()
  #isOver = false

  constructor(request: IncomingMessage, limits: BodyLimits, reports: BodyReports) {
    this.request = request
    this.#limits = limits
    this.#reports = reports
    // Paused by name, so that listening for the count does not start the flow before an origin reads.
    request.pause()
    request.on('data', (chunk: Buffer) => this.#count(chunk))
  }

  /** Tells a client that waits (Expect: 100-continue) to go on, once an origin is there to read. */
  continueWhenRead(response: ServerResponse): void {
    this.request.once('resume', () => {
      if (!response.headersSent && !response.destroyed) response.writeContinue()
    })
  }

  /** By the sweep. The clock stands still while the origin is the one that does not read. */
  checkTime(nowMs: number): void {
    if (this.#isOver || this.request.complete) return
    if (this.request.isPaused() || this.request.readableLength > 0) this.#progressMs = nowMs
    else if (nowMs - this.#progressMs > this.#limits.idleMs) this.#end(() => this.#reports.onStalled())
  }

  #count(chunk: Buffer): void {
    this.bytes += chunk.length
    this.#progressMs = performance.now()
    this.#reports.onBytes(chunk.length)
    if (this.#limits.maxBytes !== null && this.bytes > this.#limits.maxBytes)
      this.#end(() => this.#reports.onExceeded())
  }

  #end(report: () => void): void {
    if (this.#isOver) return
    this.#isOver = true
    report()
  }
}
