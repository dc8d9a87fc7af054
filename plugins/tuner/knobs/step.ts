/**
 * A step of the concurrency limit that is being checked, and what it is checked by.
 */
import { rounded } from '../model/numbers.ts'
import type { RouteMemory } from '../model/route-memory.ts'
import type { Look } from '../model/upstream-memory.ts'
import type { Entry } from '../types.ts'

/** Ratios that a median is made from. */
export const A_FEW = 8

export interface Step {
  readonly from: number
  readonly to: number
  readonly before: Rates
  readonly entry: Entry
}

/** Of the windows in which the limit held requests back: only these tell what the upstream can do. */
export interface Rates {
  readonly doneARound: number
  readonly done: number
  readonly isUsed: boolean
  /** How many times as slow as alone; 0 = too few were compared. */
  readonly ratio: number
}

export interface Change {
  /** Share by which more is finished since the step. */
  readonly change: number
  /** So much of it may be chance. */
  readonly chance: number
}

export function ratesOf({ doneSaturated: done, saturated, ratios }: Look): Rates {
  const ratio = ratios.count >= A_FEW ? ratios.quantile(0.5) : 0
  return { doneARound: done / Math.max(1, saturated), done, isUsed: saturated > 0, ratio }
}

/**
 * What a step has changed, told twice: by what was finished, and by Little's law from how slow attempts have become with so
 * many at once. Where answers take seconds the first still counts those that began before the step.
 */
export function changeBy({ from, to, before }: Step, after: Rates): Change {
  const counted = before.doneARound === 0 ? 0 : after.doneARound / before.doneARound - 1
  // Two counts of so many differ by chance alone.
  const chance = 2 * Math.sqrt(1 / Math.max(1, before.done) + 1 / Math.max(1, after.done))
  const alone = { change: counted, chance }
  if (before.ratio === 0 || after.ratio === 0 || counted < -chance) return alone
  const timed = ((to / from) * before.ratio) / after.ratio - 1
  return { change: (counted + timed) / 2, chance: chance / Math.SQRT2 }
}

/** Nearer to nothing than to what an upstream with room would have given: as many more as were let in. */
export function isInVain({ from, to }: Step, change: number): boolean {
  return to > from && change < (to / from - 1) / 2
}

export function conclude(entry: Entry, verdict: 'kept' | 'undone', measured: string): void {
  entry.verdict = verdict
  entry.measured = measured
}

/** Where nobody waited before or after, what was finished does not tell what a step did. */
export function isComparable({ before }: Step, after: Rates, { saturated, windows }: Look): boolean {
  return before.isUsed && after.isUsed && saturated / windows >= 0.5
}

/** What a look says of a step, in words. */
export function measured({ change }: Change, isComparable: boolean, { ratios }: Look): string {
  if (!isComparable) return 'nobody waited, so nothing speaks against it'
  return `${rounded(100 * change)} % finished, ${rounded(ratios.quantile(0.5))} times as slow as alone`
}

const SILENT_WINDOWS = 10

/**
 * How many times as slow as alone attempts must be where hardly any ends, by Little's law: so many are in flight, so few
 * are finished a second. 0 where that says nothing.
 */
export function missingAnswers({ windows, saturated, inflight, done }: Look, routes: readonly RouteMemory[]): number {
  let aloneMs = 0
  for (const route of routes) aloneMs = Math.max(aloneMs, route.aloneMs)
  if (windows < SILENT_WINDOWS || saturated < windows / 2 || aloneMs === 0) return 0
  return (1000 * inflight) / Math.max(1, done) / aloneMs
}
