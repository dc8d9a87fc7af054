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

/** Attempts at once below which `maxConcurrency` never shrinks, by how the routes of the upstream share it. */
export function floorOf({ routes }: UpstreamMemory, book: Book): number {
  let sharing = 0
  let isShared = false
  for (const { id } of routes) {
    if (book.value('route', id, 'exempt') === true) continue
    sharing++
    isShared ||= book.number('route', id, 'maxShare', 1) < 1
  }
  return sharing > 1 && isShared ? LEAST_SHARED_SLOTS : LEAST_SLOTS
}
