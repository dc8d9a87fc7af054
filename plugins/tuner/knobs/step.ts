/**
 * A step of the concurrency limit that is being checked, and what it is checked by.
 */
import type { RouteMemory } from '../model/route-memory.ts'
import type { Look } from '../model/upstream-memory.ts'
import type { Entry } from '../types.ts'

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
}

export function ratesOf({ doneSaturated: done, saturated }: Look): Rates {
  return { doneARound: done / Math.max(1, saturated), done, isUsed: saturated > 0 }
}

export function conclude(entry: Entry, verdict: 'kept' | 'undone', measured: string): void {
  entry.verdict = verdict
  entry.measured = measured
}

const SILENT_WINDOWS = 10

/**
 * How many times as slow as alone attempts must be where hardly any ends, by Little's law: so many are in flight, so few
 * are finished a second. 0 where that says nothing.
 */
export function missingAnswers({ windows, saturated, inflight, done }: Look, routes: readonly RouteMemory[]): number {
  const aloneMs = Math.max(0, ...routes.map(route => route.aloneMs))
  if (windows < SILENT_WINDOWS || saturated < windows / 2 || aloneMs === 0) return 0
  return (1000 * inflight) / Math.max(1, done) / aloneMs
}
