/**
 * One proxied request as its caller decided it: where it goes, as what, and within which limits.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AnswerRules } from './answer-head.ts'
import type { ClientFacts } from './client-facts.ts'
import type { FieldRules } from './request-head.ts'

export interface ProxyCall {
  /** Name of the group in `app.upstream`. */
  readonly upstream: string
  /** Name of the route, for messages to people. */
  readonly route: string
  /** Request target for the origin with its query, byte for byte. */
  readonly target: string
  /** Host for the origin. */
  readonly host: string
  readonly client: ClientFacts
  readonly requestId: string
  readonly strippedPrefix: string | null
  /** What stands in front of targets at the origin in place of `strippedPrefix`; empty where nothing does. */
  readonly mountBase: string
  /** What a choice of the origin by hash goes by; absent = there is none. */
  readonly balanceKey?: string | undefined
  readonly requestRules: FieldRules
  readonly answerRules: AnswerRules
  /** Largest body in bytes, null = no limit. */
  readonly maxBodyBytes: number | null
  /** Longest time without a byte of the body. */
  readonly bodyIdleMs: number
}

/** Called when an answer begins before the request was read to its end, so that the connection can be ended gently. */
export type EarlyAnswer = (request: IncomingMessage, response: ServerResponse) => void

/** How a proxied request goes, live: for the access log, metrics and `explain`. Times by `performance.now()`, in ms. */
export interface ProxyFacts {
  readonly upstream: string
  /** URL of the origin that was tried last, null before the first. */
  readonly origin: string | null
  readonly attempts: number
  readonly startedMs: number
  /** Head of the final answer came from the origin; 0 = never. */
  readonly headMs: number
  readonly status: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Content-Encoding of the answer as it came, null for none. */
  readonly encoding: string | null
  /** An event stream: it goes on until one side leaves. */
  readonly isLongHeld: boolean
  readonly way: 'direct' | 'framework' | null
  /** Code of what went wrong, null when nothing did. */
  readonly failure: string | null
}
