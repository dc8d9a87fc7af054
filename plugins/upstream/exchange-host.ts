/** What a running exchange sees of the pool and the group that it belongs to. */
import type { AttemptRecord, Channel } from '../contract/index.ts'
import type { FailureKind } from './errors.ts'
import type { RunningExchange } from './running-exchange.ts'

/** What an exchange needs of the pool that it is on. */
export interface ExchangePool {
  readonly address: { readonly url: string }
  /** Attempts that run at its origin, those of other groups included. */
  readonly crowding: number
  /** The exchange no longer waits for a connection. */
  leave(exchange: RunningExchange): void
  /** The attempt has ended, well (`null`) or not. */
  settle(exchange: RunningExchange, failure: FailureKind | null): void
  countAnswer(status: number, headMs: number, nowMs: number): void
  closeIdle(): void
}

/** What an exchange needs of its group. */
export interface ExchangeHost {
  readonly headTimeoutMs: number
  readonly idleTimeoutMs: number
  /** Chooses a pool that is not in `tried` and puts the exchange on it; false when none is left. */
  assign(exchange: RunningExchange): boolean
  readonly originCount: number
  readonly name: string
  /** Who wants to know of attempts. */
  readonly attempts: Channel<AttemptRecord>
  /** Told of each answer and each failure, for the circuit. */
  answered(): void
  failed(kind: FailureKind, target: string): void
}
