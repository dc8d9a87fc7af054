/**
 * What a tunnel is made of and what it comes to.
 */
import type { Duplex } from 'node:stream'
import type { UpgradeFailure } from './errors.ts'
import type { UpgradeRequest } from './handshake.ts'
import type { ByteMeter } from './pump.ts'
import type { Sweep } from './sweep.ts'

/** Why a tunnel ended, as far as it is known on this side. */
export type EndReason =
  | 'ended'
  | 'client_gone'
  | 'client_reset'
  | 'origin_reset'
  | 'idle'
  | 'half_closed'
  | 'closed_by_gateway'
  | 'refused'
  | 'failed'

/** What one upgrade came to. */
export interface TunnelSummary {
  readonly reason: EndReason
  /** Status that the client was given: the origin's or the failure's; null = it left before. */
  readonly status: number | null
  readonly failure: UpgradeFailure | null
  /** Bytes behind the heads. */
  readonly bytesUp: number
  readonly bytesDown: number
  readonly durationMs: number
}

export interface TunnelOptions {
  readonly client: Duplex
  /** Bytes of the client that were read behind its request. */
  readonly head: Buffer
  readonly request: UpgradeRequest
  /** Connected, unused; the tunnel owns it from here on. */
  readonly upstream: Duplex
  readonly sweep: Sweep
  /** Time without a byte in either direction; null = no limit. */
  readonly idleMs: number | null
  readonly headTimeoutMs: number
  readonly maxHeadBytes: number
  readonly keepAliveMs: number
  readonly routeName: string
  readonly upstreamName: string
  readonly meters: { readonly up: ByteMeter; readonly down: ByteMeter } | null
  /** Last change to the answer's lines (flat), after the hop-by-hop rules. Must not touch framing fields. */
  rewriteAnswer?(status: number, headers: string[]): string[]
  /** The origin has switched. */
  onOpen(): void
  /** Nothing has been sent to the client, whose socket belongs to the callee from here on. May be called from `start`. */
  onFailure(failure: UpgradeFailure): void
  /** Called once, when both connections are gone (or the client's was handed to `onFailure`). */
  onEnd(summary: TunnelSummary): void
}
