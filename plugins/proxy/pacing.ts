/**
 * The seam for whoever bounds how fast answers are sent to clients: an origin's, and those that the cache has.
 */
import type { FastifyRequest } from 'fastify'
import type { ProxyCall } from './call.ts'

/** The pace of one answer. */
export interface Pace {
  /** So many bytes have come; false = nothing more is to come until `sender.goOn` is called. */
  take(bytes: number, sender: { goOn(): void }): boolean
  /** The answer is over, in whatever way. */
  end(): void
}

/** Asked once for each answer; null = it may go as fast as it can. */
export type Pacer = (request: FastifyRequest, call: ProxyCall) => Pace | null
