/**
 * How long a request that was never sent waits for an upstream that refuses connections: an app that restarts is back
 * before most clients would have given up. Nothing was sent, so this is safe for every method.
 */
import type { RouteMemory } from '../model/route-memory.ts'

const SHARE_OF_GOAL = 0.9
const MOST_MS = 15_000

export function firstParkMs(routes: readonly RouteMemory[]): number {
  const badMs = Math.max(0, ...routes.map(({ goal }) => goal.badMs))
  return Math.min(MOST_MS, Math.round(SHARE_OF_GOAL * badMs))
}
