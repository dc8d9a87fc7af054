/**
 * What is told about a request once it is over, and the entry that becomes of it. Texts are as they came: redacting,
 * escaping and cutting are the business of whoever shows them.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'

/** How the secrets of one app are known in its addresses. */
export interface Redaction {
  /** Stems of names of parameters. */
  readonly names: ReadonlySet<string>
  /** Segments of the paths behind which a secret stands, in lower case. */
  readonly paths: readonly (readonly string[])[]
}

/**
 * What an app knows of a request once it is over. Times in milliseconds, sizes in bytes of the body; null = not known,
 * or there was none.
 */
export interface ExchangeFacts {
  readonly requestId: string
  /** Of the W3C Trace Context, where the app reads it; left out = none. */
  readonly traceId?: string | null
  /** As the client asked for it. */
  readonly host: string
  /** Address without port, as far as it can be trusted. */
  readonly client: string
  readonly route: string | null
  /** Name of the group of origins, or the URL of the origin that answered. */
  readonly upstream: string | null
  /** How often the request was sent to an origin; 0 = answered without one. */
  readonly attempts: number
  readonly bytesIn: number | null
  /** Of the answer as it was sent. */
  readonly bytesOut: number | null
  /** Of the same part of the answer before the app encoded it. */
  readonly bytesRaw: number | null
  /** From the request to the head of the answer. */
  readonly firstByteMs: number | null
  /** Spent waiting for the origin. */
  readonly upstreamMs: number | null
  /** Of that, spent waiting for a place at it. */
  readonly queueMs: number
  /** Spent encoding the answer. */
  readonly encodeMs: number
  /** Stable code of what the app itself made of the request instead of an answer; null when the client simply left. */
  readonly error: string | null
  /** True when the origin broke off; it counts where the answer did not get to its end. */
  readonly isOriginCut: boolean
  /** What the cache did, as in Cache-Status. */
  readonly cache: string | null
  /** Content-Encoding of the answer. */
  readonly encoding: string | null
  /** Secrets of this app beside those that are known by their names; left out = none. */
  readonly redaction?: Redaction | null
  /** A tunnel or an event stream: its time is how long somebody stayed. */
  readonly isLongHeld: boolean
}

/**
 * Null = nothing is known about it; then the facts are what Fastify and Node know.
 * @param startedMs beginning of the request by `performance.now()`
 */
export type FactsOf = (request: FastifyRequest, reply: FastifyReply, startedMs: number) => ExchangeFacts | null

/** `ok`, `client_left`, `origin_cut`, or the stable code of an error. An origin's own 404 or 500 is `ok`. */
export type Outcome = string

/** One request, over. A tunnel is one as well. */
export interface ExchangeEntry extends Omit<ExchangeFacts, 'error' | 'isOriginCut'> {
  readonly method: string
  /** Request target with its query. */
  readonly url: string
  readonly protocol: 'h1' | 'h2'
  /** Status that the client was sent; 499 = it left before, 0 = it was sent none for another reason. */
  readonly status: number
  readonly outcome: Outcome
  readonly durationMs: number
  readonly userAgent: string | null
  readonly referer: string | null
}

/** How a request ended, as far as it decides about status and outcome. */
export interface Ending {
  /** Every byte of the answer has been handed to the system. */
  readonly isFinished: boolean
  readonly isHeadSent: boolean
  readonly status: number
  readonly error: string | null
  readonly isOriginCut: boolean
}

/** An own error explains more than the leaving of the client that it may have caused. */
export function decideOutcome({ isFinished, error, isOriginCut }: Ending): Outcome {
  if (!isFinished && isOriginCut) return 'origin_cut'
  if (error !== null) return error
  return isFinished ? 'ok' : 'client_left'
}

/** The status to tell: never one that the client was not sent, but for 499 (as nginx has it). */
export function decideStatus({ isHeadSent, status }: Ending, outcome: Outcome): number {
  if (isHeadSent) return status
  return outcome === 'client_left' ? 499 : 0
}
