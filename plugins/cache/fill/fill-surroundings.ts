/**
 * What a fill needs of the cache around it.
 */
import type { CachedHead, Passage } from '../passage.ts'
import type { OriginFailure } from '../rules/reuse.ts'
import type { StoredHead } from '../rules/types.ts'
import type { CacheCounters } from '../signals.ts'
import type { Awaitable, CacheStore, StoredEntry } from '../stores/index.ts'
import type { CodedForms } from '../variants/index.ts'
import type { KeptBytes } from './fill-body.ts'
import type { FillReader } from './fill-reader.ts'
import type { KeyTraits } from './key-traits.ts'
import type { Releases } from './releases.ts'

/** What Cache-Status says beside the reason for which the request went on. */
export interface ForwardNotes {
  /** Status of the origin where the client gets another; null = the same. */
  readonly forwardStatus?: number | null
  readonly stored?: boolean
  readonly detail?: string
}

/** A stored body with the head that it is to be sent with: the stored one, or the one of a 304. */
export interface StoredWithHead {
  readonly entry: StoredEntry
  readonly head: CachedHead
}

export interface FillSurroundings {
  readonly store: CacheStore
  readonly traits: KeyTraits
  readonly kept: KeptBytes
  readonly count: CacheCounters
  readonly forms: CodedForms
  readonly releases: Pick<Releases, 'see' | 'confirm'>
  /** The flat Cache-Status line for a request that went on to the origin. */
  status(reader: FillReader, notes: ForwardNotes): string[]
  /** Answers from the store, with these fields added to the head. */
  serve(reader: FillReader, stored: StoredWithHead, fields: readonly string[]): void
  /** Makes void what the answer to an unsafe request makes void; done when the store has taken it. */
  invalidate(
    passage: Passage,
    origin: { readonly status: number; readonly rawHeaders: readonly string[] },
  ): Awaitable<unknown>
  /** Forgets one stored answer. */
  drop(entry: StoredEntry): void
  /** A reader that the fill cannot serve looks for its own answer. */
  retry(reader: FillReader): void
  /** The fill is over, or can take nobody any more. */
  forget(fill: object): void
  /** Whether a head that came just now may be used for the request without asking. */
  isFresh(head: CachedHead | StoredHead, passage: Passage): boolean
  /** Whether what is stored may answer in place of this failure. */
  mayStandIn(passage: Passage, failure: OriginFailure): boolean
}
