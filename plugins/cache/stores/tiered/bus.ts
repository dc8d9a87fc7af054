/**
 * News of changed and purged entries between gateways. Delivery is at most once, so whoever keeps copies must know
 * when news may have been missed: `connected` turns false and `onGap` is called.
 */
import type { PurgeSelector } from '../types.ts'

/** `purged` = forget what the selector names; `changed` = a copy of it is out of date. */
export interface Invalidation {
  readonly what: 'purged' | 'changed'
  readonly selector: PurgeSelector
}

export interface BusListener {
  onNews(news: Invalidation): void
  /** News may have been missed: every copy is in doubt. */
  onGap(): void
}

export interface InvalidationBus {
  /** Whether news of others arrive at the moment. */
  readonly connected: boolean
  listen(listener: BusListener): void
  /** Nobody waits for it; lost while the server is away. */
  publish(news: Invalidation): void
  close(): Promise<void>
}
