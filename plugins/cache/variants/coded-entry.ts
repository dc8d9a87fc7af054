/**
 * How the coded forms of a stored answer stand in the store: as entries of their own under the same key, each naming the
 * body that it was made from. A form whose body is not stored any more is used for nothing.
 */
import type { EntryMeta, StoredEntry } from '../stores/index.ts'

/** Codings of one answer that are kept beside it, at most. */
export const MOST_CODINGS = 3

/** The name of the plain form of an answer that came encoded; no coding has it (RFC 9110 §8.4.1). */
export const PLAIN = 'identity'

/** What is kept of a coded form beside its bytes; the rest is told by the answer itself. */
export interface CodedHead {
  readonly coding: string
  /** Generation of the body that it was made from. */
  readonly codedFrom: string
}

/** The place of a coded form. An empty line stands in no variant that Vary makes. */
export function codedVariant(variant: string, coding: string): string {
  return `${variant}\n\n${coding}`
}

/** Null for an entry that is no coded form. */
export function codedHeadOf({ head }: StoredEntry): CodedHead | null {
  return 'codedFrom' in head ? (head as unknown as CodedHead) : null
}

/** It lives as long as the answer, and every purge that names that names it, too. */
export function codedMeta(entry: StoredEntry, coding: string): EntryMeta {
  const { storedAtMs, expiresAtMs, url, route, tags, generation } = entry
  return { head: { coding, codedFrom: generation }, storedAtMs, expiresAtMs, url, route, tags }
}
