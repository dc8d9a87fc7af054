/**
 * How long to wait before a worker that died is replaced: at once when it has served for a while, later and later when
 * workers die as soon as they begin, so that a fault that hits each of them does not eat the machine.
 */

/** A worker that lived this long was healthy. */
export const HEALTHY_MS = 10_000
const FIRST_DELAY_MS = 100
export const MAX_DELAY_MS = 10_000

/**
 * @param earlyDeaths workers in a row that died before they were healthy, this one included
 * @param lifeMs how long this one lived
 */
export function restartDelay(earlyDeaths: number, lifeMs: number): number {
  if (lifeMs >= HEALTHY_MS || earlyDeaths <= 1) return 0
  return Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (earlyDeaths - 2))
}
