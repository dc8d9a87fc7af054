/**
 * A step of the concurrency limit that is being checked, and what it is checked by.
 */
import { rounded } from '../model/numbers.ts'
import type { RouteMemory } from '../model/route-memory.ts'
import type { Look } from '../model/upstream-memory.ts'
import type { Entry } from '../types.ts'
import { ROOMY } from './rests.ts'

/** Ratios that a median is made from. */
export const A_FEW = 8

/** Less finished by this share: a step has cost something. */
const WORSE = 0.1
/** Until something speaks against more, a step is believed sooner. */
const CHECK_WINDOWS_AT_START = 2
/** A step is checked over this many windows, so that chance evens out. */
const CHECK_WINDOWS = 5
const CHECK_DONE = 60
const CHECK_MOST_WINDOWS = 20
/** So many times more than what may be chance needs no further samples. */
const SURELY = 1.5

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

/** A chain of protecting steps is checked against what was before the first of those that may have cost something. */
export function unsureStep(step: Step | null, { isUsed, doneARound }: Rates): Step | null {
  if (step === null || step.to > step.from) return null
  const isSure = isUsed && step.before.isUsed && doneARound >= (1 - WORSE) * step.before.doneARound
  return isSure ? null : step
}

/** Nearer to nothing than to what an upstream with room would have given: as many more as were let in. */
export function isInVain({ from, to }: Step, change: number): boolean {
  return to > from && change < (to / from - 1) / 2
}

export function conclude(entry: Entry, verdict: 'kept' | 'undone', measured: string): void {
  entry.verdict = verdict
  entry.measured = measured
}

export interface Checked {
  /** It has cost something. */
  readonly isWorse: boolean
  readonly isInVain: boolean
  readonly measured: string
}

/** What a look says of a step; null = too little yet. `isStarting`: nothing speaks against more so far. */
export function checkStep(step: Step, look: Look, isStarting: boolean): Checked | null {
  const { windows, ratios, done } = look
  const isRoomy = isStarting && ratios.count >= A_FEW && ratios.quantile(0.5) < ROOMY
  const enough = isRoomy ? CHECK_WINDOWS_AT_START : CHECK_WINDOWS
  const isDue = windows >= CHECK_MOST_WINDOWS || (windows >= enough && done >= CHECK_DONE)
  if (!isDue && windows < CHECK_WINDOWS_AT_START) return null
  const after = ratesOf(look)
  const { change, chance } = changeBy(step, after)
  // Where nobody waited before or after, what was finished does not tell what the step did.
  const isComparable = step.before.isUsed && after.isUsed && look.saturated / windows >= 0.5
  const isWorse = isComparable && change < -Math.max(WORSE, isDue ? chance : SURELY * chance)
  if (!isDue && !isWorse) return null
  const measured = isComparable
    ? `${rounded(100 * change)} % finished, ${rounded(ratios.quantile(0.5))} times as slow as alone`
    : 'nobody waited, so nothing speaks against it'
  return { isWorse, isInVain: isComparable && isInVain(step, change), measured }
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
