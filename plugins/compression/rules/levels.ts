/**
 * Levels of the codings: which ones are worth choosing on the fly, and what the scale of `level_map` means for each.
 */
import type { Coding } from './types.ts'

/** Levels to choose from on the fly, the cheapest first; others cost more than they save (bench: compression). */
export const onTheFly: Readonly<Record<Coding, readonly number[]>> = {
  gzip: [1, 4, 5, 6, 7, 9],
  br: [1, 2, 4, 5, 6, 7, 9],
  zstd: [1, 3, 4, 5, 6, 9],
}

/** What a careful server of static settings would use: bytes are compared with it. */
export const reference: Readonly<Record<Coding, number>> = { gzip: 6, br: 5, zstd: 3 }

/**
 * Highest level that is used on the fly unless the tunable of the route is raised. zstd 9 sends what br 5 does and takes no
 * longer, so that it is worth it for a slow client.
 */
export const defaultCeiling: Readonly<Record<Coding, number>> = { gzip: 6, br: 5, zstd: 9 }

/**
 * The ceiling is never moved below: further down the bytes are 6 to 25 % more. How fast a client and how busy this machine
 * is decides between here and the ceiling, for each answer; who wants less effort says so in `level_map`.
 */
export const leastCeiling: Readonly<Record<Coding, number>> = { gzip: 5, br: 5, zstd: 3 }

/** From here on a level is high: only so many run at once. */
export const high: Readonly<Record<Coding, number>> = { gzip: 7, br: 6, zstd: 7 }

/** The level of a coding at one step of the scale from 1 to 9. */
export function levelOnScale(coding: Coding, step: number): number {
  if (coding === 'gzip') return step
  return coding === 'br' ? Math.round((step * 11) / 9) : Math.max(1, Math.round((step * 19) / 9))
}
