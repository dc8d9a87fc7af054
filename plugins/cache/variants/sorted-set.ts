/**
 * What a look-up has found, told apart once: whole answers, parts, and the coded forms of each whole answer. A store that
 * has not changed gives the same set again, and then all this is known already.
 */
import { isReadableCodedHead, isReadableHead } from '../rules/readable-head.ts'
import type { StoredEntry, VariantSet } from '../stores/index.ts'
import { codedHeadOf } from './coded-entry.ts'

/** A whole answer with its coded forms, and what was worked out for it before. */
export class StoredForms {
  readonly entry: StoredEntry
  /** By coding. */
  readonly coded: ReadonlyMap<string, StoredEntry>
  /** For whoever negotiates: lives as long as the store gives out the same set. */
  negotiated: unknown = null
  /** For whoever answers, the same. */
  prepared: unknown = null

  constructor(entry: StoredEntry, coded: ReadonlyMap<string, StoredEntry>) {
    this.entry = entry
    this.coded = coded
  }
}

export interface SortedSet {
  readonly wholes: readonly StoredForms[]
  readonly parts: readonly StoredEntry[]
}

const emptySet: SortedSet = { wholes: [], parts: [] }
export const noForms: ReadonlyMap<string, StoredEntry> = new Map()

const known = new WeakMap<VariantSet, SortedSet>()

export function sortSet(set: VariantSet | null): SortedSet {
  if (set === null) return emptySet
  const before = known.get(set)
  if (before !== undefined) return before
  const sorted = sort(set)
  known.set(set, sorted)
  return sorted
}

function sort(set: VariantSet): SortedSet {
  const wholes: StoredEntry[] = []
  const parts: StoredEntry[] = []
  const coded = new Map<string, Map<string, StoredEntry>>()
  for (const entry of set) {
    const form = codedHeadOf(entry)
    // Once for a set that does not change: what this process has stored itself is looked at with the first hit.
    if (!(form === null ? isReadableHead : isReadableCodedHead)(entry.head)) continue
    if (form === null) {
      if (entry.head['isPartial'] === null) wholes.push(entry)
      else parts.push(entry)
      continue
    }
    const forms = coded.get(form.codedFrom) ?? new Map<string, StoredEntry>()
    coded.set(form.codedFrom, forms.set(form.coding, entry))
  }
  return { wholes: wholes.map(entry => new StoredForms(entry, coded.get(entry.generation) ?? noForms)), parts }
}

/** Coded forms in a set, whatever they were made from, of one variant of Vary. */
export function formsOfVariant(set: VariantSet | null, variant: string): StoredEntry[] {
  return (set ?? []).filter(entry => codedHeadOf(entry) !== null && entry.variant.startsWith(`${variant}\n\n`))
}
