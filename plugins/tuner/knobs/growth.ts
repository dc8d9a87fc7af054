/**
 * How far a limit grows in one step. By Little's law what is added waits inside the upstream at worst, and makes attempts
 * slower in proportion: so the roomier it is, the further one step may go, and the fewer of them are needed.
 */
import { clamp } from '../model/numbers.ts'

/** Times as slow as alone up to which a limit may grow while requests wait for it. */
export const GROW_BELOW = 1.7
const LEAST = 1.15
const MOST = 1.5
/** Until something speaks against more it doubles, as a connection of TCP does at its start (RFC 5681 §3.1). */
const AT_START = 2

/** `ratio`: times as slow as alone now. After the step it is at worst where growth ends, or a least step beyond. */
export function growthAt(ratio: number, isStarting: boolean): number {
  return isStarting ? AT_START : clamp(GROW_BELOW / ratio, LEAST, MOST)
}
