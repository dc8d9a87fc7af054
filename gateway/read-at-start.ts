/** What of the configuration a reload cannot bring into force, and so waits for a restart. Pure. */
import { isDeepStrictEqual } from 'node:util'
import type { GatewayConfig } from './config/types.ts'

/** The keys whose values the running gateway does not have, measured by what it was started with, in the order of the alphabet. */
export function waitingForRestart(started: GatewayConfig, now: GatewayConfig): string[] {
  const wanted = readAtStart(now)
  return Object.entries(readAtStart(started))
    .filter(([key, value]) => !isDeepStrictEqual(value, wanted[key]))
    .map(([key]) => key)
}

function readAtStart(config: GatewayConfig): Record<string, unknown> {
  const { admin, redis, stateDir, store, storeLimits, tracing, workers } = config
  const spans = { 'tracing.spans': tracing.spans }
  return { admin, redis, state_dir: stateDir, store, store_limits: storeLimits, ...spans, workers }
}
