/**
 * The fewest slots that an upstream is left with.
 */
import type { Book } from '../guard/book.ts'
import type { UpstreamMemory } from '../model/upstream-memory.ts'

/** One in work and one on its way to it. */
export const LEAST_SLOTS = 2
/**
 * With fewer slots a share of three quarters is all of them, rounded up: the long work of routes that others go before
 * would hold up the short.
 */
const LEAST_SHARED_SLOTS = 4
/** Work that is done within this share of the tightest goal holds up nobody for long. */
const SHORT = 0.5

/** Attempts at once below which `maxConcurrency` never shrinks, by how the routes of the upstream share it. */
export function floorOf({ routes }: UpstreamMemory, book: Book): number {
  let sharing = 0
  let isShared = false
  let longest = 0
  let tightest = Number.POSITIVE_INFINITY
  // Who is alone shares with nobody: the book need not be asked in every window.
  const mayShare = routes.length > 1
  for (const { id, aloneMs, goal } of routes) {
    if (mayShare && book.value('route', id, 'exempt') === true) continue
    sharing++
    isShared ||= mayShare && book.number('route', id, 'maxShare', 1) < 1
    longest = Math.max(longest, aloneMs || Number.POSITIVE_INFINITY)
    tightest = Math.min(tightest, goal.goodMs)
  }
  return sharing > 1 && isShared && longest > SHORT * tightest ? LEAST_SHARED_SLOTS : LEAST_SLOTS
}
