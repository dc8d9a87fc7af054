/**
 * What a 304 makes of the stored answer that was asked about (RFC 9111 §4.3.4): a head with the new fields over the same
 * body, kept or, where the origin takes back what it allowed, used this once.
 */
import { type CachedHead, headOf, type Passage } from '../passage.ts'
import type { ExchangeTimes } from '../rules/age.ts'
import { keepForMs } from '../rules/freshness.ts'
import type { AnswerHead } from '../rules/types.ts'
import { selectForUpdate, updateStoredHead } from '../rules/update.ts'
import type { Awaitable, CacheStore, StoredEntry } from '../stores/index.ts'
import type { CodedForms } from '../variants/index.ts'
import { wholeFacts } from './outgoing.ts'

export interface Confirmed {
  /** What to answer with, over the body of the entry that was offered. */
  readonly head: CachedHead
  /** False: it answers the one who asked and nobody else. */
  readonly isKept: boolean
  /** Flat Set-Cookie lines, for the one who asked. */
  readonly clientFields: readonly string[]
  /** Done when the store has the new head. */
  readonly saved: Awaitable<unknown>
}

export interface Confirmation {
  readonly passage: Passage
  /** The 304, without fields of the hop. */
  readonly answer: AnswerHead
  readonly times: ExchangeTimes
}

/** Where what is confirmed is kept. */
export interface Kept {
  readonly store: CacheStore
  readonly forms: Pick<CodedForms, 'renew' | 'dropFormsOf'>
}

/** Null: the 304 is about something else than what was offered. */
export function confirm(kept: Kept, offered: StoredEntry, confirmation: Confirmation): Confirmed | null {
  const { answer, times } = confirmation
  const stored = headOf(offered)
  if (selectForUpdate([stored], answer, times.responseTimeMs).stored === null) return null
  return applyUpdate(kept, offered, confirmation)
}

/** Puts the fields of a 304, or of the answer to a HEAD, over what is stored. */
export function applyUpdate(
  { store, forms }: Kept,
  offered: StoredEntry,
  { passage, answer, times }: Confirmation,
): Confirmed {
  const { settings } = passage.scope
  const stored = headOf(offered)
  const input = { request: passage.request, requestFacts: wholeFacts(passage.facts), answer, times }
  const updated = updateStoredHead(stored, input, settings)
  const head: CachedHead = { ...updated.stored, ownTag: stored.ownTag }
  const { keep, clientFields } = updated
  if (!keep) {
    void forms.dropFormsOf(offered)
    return { head, isKept: keep, clientFields, saved: store.delete(offered.key, offered.variant) }
  }
  // RFC 9111 §5.2.1.5: no part of an answer to such a request is stored; what is stored stays as it is.
  if (passage.facts.directives.noStore) return { head, isKept: keep, clientFields, saved: null }
  const storedAtMs = times.responseTimeMs
  const expiresAtMs = storedAtMs + keepForMs(head, settings)
  const update = { head: head as unknown as StoredEntry['head'], storedAtMs, expiresAtMs }
  forms.renew(passage.formsOf(offered), { storedAtMs, expiresAtMs })
  return { head, isKept: keep, clientFields, saved: store.updateHead(offered, update) }
}
