/**
 * How much has to be seen before a look at an upstream is believed: the more it tells, the less of it.
 */
import type { Look } from '../model/upstream-memory.ts'
import { A_FEW } from './step.ts'

/** Samples that a look needs, or windows with at least a few. */
const ENOUGH = 30
const ENOUGH_WINDOWS = 5
/** Near the borders more are needed, so that chance does not move the limit to and fro. */
const ENOUGH_NEAR = 90
const ENOUGH_NEAR_WINDOWS = 12
/** So crowded that waiting for more samples costs more than it tells. */
export const CROWDED = 5
export const ENOUGH_CROWDED = 12

export function isEnough({ ratios, windows }: Look): boolean {
  if (ratios.count >= ENOUGH || (windows >= ENOUGH_WINDOWS && ratios.count >= A_FEW)) return true
  return ratios.count >= ENOUGH_CROWDED && ratios.quantile(0.5) > CROWDED
}

/** Also where it is near a border. */
export function isSure({ ratios, windows }: Look): boolean {
  return ratios.count >= ENOUGH_NEAR || windows >= ENOUGH_NEAR_WINDOWS
}

/** What began so long ago says little of now. */
export function isTooLong({ windows }: Look): boolean {
  return windows >= 4 * ENOUGH_WINDOWS
}
