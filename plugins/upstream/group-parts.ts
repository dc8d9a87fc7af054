/**
 * The options of a group, as each of its parts takes them. Pure.
 */
import type { ProbeOptions } from './health/probe.ts'
import type { UpstreamGroupOptions } from './options.ts'
import type { PoolLimits } from './pool-limits.ts'

/** An origin that is named twice is one origin with both weights. */
export function distinct(origins: UpstreamGroupOptions['origins']): [string, number][] {
  const weights = new Map<string, number>()
  for (const { url, weight } of origins) weights.set(url, (weights.get(url) ?? 0) + weight)
  return [...weights]
}

export function limitsOf(options: UpstreamGroupOptions): PoolLimits {
  const { maxSize, minSize, maxIdleMs, ttlMs, queueSize, queueTimeoutMs } = options
  return { maxSize, minSize, maxIdleMs, ttlMs, queueSize, queueTimeoutMs }
}

export function probeOf({ probePath, probeIntervalMs, probeStatus }: UpstreamGroupOptions): ProbeOptions | null {
  return probePath === null ? null : { path: probePath, intervalMs: probeIntervalMs, status: probeStatus }
}

/** What a connection is made with: when any of it changes, kept connections no longer fit. */
export function transportKey(options: UpstreamGroupOptions): string {
  const { connectTimeoutMs, tcpNodelay, http2, tls, client, keepAlive } = options
  return JSON.stringify([connectTimeoutMs, tcpNodelay, http2, tls, client, keepAlive])
}
