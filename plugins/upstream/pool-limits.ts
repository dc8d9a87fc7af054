/** What bounds a pool. */

/** Limits that may change while the pool lives. Counts and milliseconds. */
export interface PoolLimits {
  maxSize: number
  minSize: number
  maxIdleMs: number
  ttlMs: number
  queueSize: number
  queueTimeoutMs: number
}
