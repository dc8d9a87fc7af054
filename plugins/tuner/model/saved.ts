/**
 * What outlives a restart: the limits that were found. On load they count half, since the machine may have changed.
 */
import type { Book } from '../guard/book.ts'
import { entriesOf } from './numbers.ts'
import type { RouteMemory } from './route-memory.ts'

export const SAVED_VERSION = 1

export interface Saved {
  readonly limits: ReadonlyMap<string, number>
}

export function saveState(book: Book, routes: readonly RouteMemory[]): unknown {
  const limits: Record<string, number> = {}
  for (const { scope, target, knob, value } of book.all()) {
    if (scope === 'upstream' && knob === 'maxConcurrency' && typeof value === 'number') limits[target] = value
  }
  const baselines = Object.fromEntries(routes.map(({ id, baselineMs }) => [id, baselineMs]))
  return { version: SAVED_VERSION, limits, baselines }
}

/** Null for anything that `saveState` has not made. */
export function readSaved(saved: unknown): Saved | null {
  if (typeof saved !== 'object' || saved === null) return null
  const { version, limits } = saved as { version?: unknown; limits?: Record<string, unknown> }
  if (version !== SAVED_VERSION) return null
  const read = entriesOf(limits).filter((entry): entry is [string, number] => {
    return typeof entry[1] === 'number' && entry[1] >= 1 && Number.isFinite(entry[1])
  })
  return { limits: new Map(read) }
}
