/**
 * Numbers from outside: a window may lack any of them, or carry one that is none.
 */

/** `value` where it is a number, `otherwise` where it is missing or not finite. */
export function finite(value: unknown, otherwise = 0): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : otherwise
}

/** Nothing that happens within a window is more; sums of more would leave the numbers. */
const MOST = 1e12

/** The same, never below 0. */
export function amount(value: unknown, otherwise = 0): number {
  return Math.min(MOST, Math.max(0, finite(value, otherwise)))
}

/** A time that may have been measured. */
export function isTime(ms: unknown): ms is number {
  return typeof ms === 'number' && ms >= 0 && ms <= MOST
}

export function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value))
}

/** Three significant digits: what a person wants to read, and the same on every machine. */
export function rounded(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(3)) : 0
}

/** Own entries only, and none of a list or of nothing. */
export function entriesOf<T>(record: { readonly [key: string]: T } | null | undefined): [string, T][] {
  return typeof record === 'object' && record !== null && !Array.isArray(record) ? Object.entries(record) : []
}

/** Those of a list that can have parts at all. */
export function recordsOf<T>(list: readonly T[] | null | undefined): readonly T[] {
  return listOf(list).filter(each => typeof each === 'object' && each !== null)
}

export function listOf<T>(list: readonly T[] | null | undefined): readonly T[] {
  return Array.isArray(list) ? list : []
}
