/**
 * Whether what alone means is only a guess: where load was too much from the first second on, the least crowded times that
 * are known are those of a crowd.
 */
import type { UpstreamMemory } from '../model/upstream-memory.ts'

/** Most attempts are of routes that were never seen with half of `limit` beside them, and fewer could be let in. */
export function isBlind({ routes }: UpstreamMemory, limit: number, floor: number): boolean {
  const isLeast = limit <= floor
  let compared = 0
  let known = 0
  for (const route of routes) {
    route.isKnown ||= route.aloneMs > 0 && (isLeast || route.leastCrowd <= limit / 2)
    compared += route.compared
    if (route.isKnown) known += route.compared
  }
  return !isLeast && known < compared / 2
}

/**
 * Where a route is the only one, and most of what was seen of it alone was of quick kinds, what it takes alone is too little
 * for those who come in a crowd.
 */
export function trustAlone({ routes }: UpstreamMemory, aloneMs: number): void {
  const [only, ...others] = routes
  if (only === undefined || others.length > 0 || aloneMs <= only.aloneMs) return
  if (only.aloneMs > 0) only.rebase(aloneMs / only.aloneMs)
  only.isKnown = true
}
