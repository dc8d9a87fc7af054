/**
 * Keeps the number of variants (Vary) of one address within its route's bound: the one that arrived first makes room, with
 * its coded forms. The store counts those as well, and cannot tell.
 */
import { headOf } from '../passage.ts'
import { variantToDrop } from '../rules/vary.ts'
import type { CacheStore, StoredEntry, VariantSet } from '../stores/index.ts'
import { sortSet } from '../variants/index.ts'

export interface Trimmed {
  readonly store: CacheStore
  drop(entry: StoredEntry): void
}

/** `entry` has just been stored. */
export function trimVariants(from: Trimmed, entry: StoredEntry, maxVariants: number): void {
  // Without Vary there is one, in whose place the next one is put.
  if (headOf(entry).varyNames.length === 0) return
  const found = from.store.lookup(entry.key)
  if (found instanceof Promise) void found.then(set => drop(from, set, maxVariants))
  else drop(from, found, maxVariants)
}

function drop(from: Trimmed, set: VariantSet | null, maxVariants: number): void {
  let left = sortSet(set).wholes.map(({ entry }) => entry)
  while (left.length > maxVariants) {
    const oldest = variantToDrop(left.map(headOf), maxVariants + 1)
    const gone = left.find(each => headOf(each) === oldest)
    if (gone === undefined) return
    from.drop(gone)
    left = left.filter(each => each !== gone)
  }
}
