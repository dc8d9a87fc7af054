/**
 * The coded forms of what is stored, as the rest of the cache deals with them: which one a request gets, when new ones are
 * made, and when they go. Without a codec every call is a comparison with null.
 */
import { addNote } from '../../contract/index.ts'
import { headOf, type Passage } from '../passage.ts'
import type { RequestFacts } from '../rules/request-facts.ts'
import type { StoredHead } from '../rules/types.ts'
import type { CacheStore, StoredEntry } from '../stores/index.ts'
import { CodingBackground } from './background.ts'
import type { VariantCodec } from './codec.ts'
import { type CodedHead, MOST_CODINGS, PLAIN } from './coded-entry.ts'
import { type CodingCounters, type CodingStats, nothingCoded } from './counters.ts'
import { type Choice, Negotiator } from './negotiate.ts'
import { PlainForms } from './plain-forms.ts'
import { formsOfVariant, noForms, StoredForms } from './sorted-set.ts'

export type { EncodableHead, EncodeDecision, VariantCodec } from './codec.ts'
export { MOST_CODINGS, PLAIN } from './coded-entry.ts'
export { CodingCounters, type CodingStats } from './counters.ts'
export type { Choice } from './negotiate.ts'
export { StoredForms, sortSet } from './sorted-set.ts'

/** An answer that goes out of the store; `sent` is a coded form of `entry`, or the same. */
export interface Sent {
  readonly passage: Passage
  readonly entry: StoredEntry
  readonly sent: StoredEntry
  /** As in `ExchangeRequest.incoming`. */
  readonly incoming: object | undefined
}

interface Parts {
  readonly store: CacheStore
  readonly count: CodingCounters
  readonly now: () => number
}

export class CodedForms {
  readonly #parts: Parts
  readonly #negotiator = new Negotiator()
  #background: CodingBackground | null = null
  #plain: PlainForms | null = null

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** @throws RangeError for a codec with more codings than are kept beside an answer */
  use(codec: VariantCodec): void {
    if (codec.codings.length > MOST_CODINGS) throw new RangeError(`a codec has ${MOST_CODINGS} codings at most`)
    this.#background?.close()
    const { store, count } = this.#parts
    this.#background = new CodingBackground(store, codec, count)
    this.#plain?.close()
    this.#plain = new PlainForms(store, codec, count)
    this.#negotiator.codec = codec
  }

  get stats(): CodingStats {
    return this.#background === null ? nothingCoded : this.#parts.count.stats(this.#background.queued)
  }

  get queued(): number {
    return this.#background?.queued ?? 0
  }

  /** Null: nothing is negotiable about the entry. */
  choose({ forms, facts, scope }: Passage, entry: StoredEntry): Choice | null {
    if (this.#background === null || forms === null || forms.entry.generation !== entry.generation) return null
    // RFC 9111 §5.2.1.6: the stored bytes, whoever has encoded them.
    if (facts.directives.noTransform && forms.coded.has(PLAIN)) return null
    const acceptEncoding = facts.directives.noTransform ? 'identity' : facts.acceptEncoding
    return this.#negotiator.choose(forms, acceptEncoding, scope)
  }

  /**
   * What counts of the request for an answer with this head: a part of coded bytes is of no use to who cannot take the coding
   * (RFC 9110 §14.2 lets a range be ignored), and would be taken for a part of the plain ones that he was sent before.
   */
  factsFor({ facts, scope }: Passage, head: Pick<StoredHead, 'headers'>): RequestFacts {
    if (facts.range === null || facts.directives.noTransform) return facts
    return this.#negotiator.mustBePlain(head, facts.acceptEncoding, scope) ? { ...facts, range: null } : facts
  }

  /**
   * The plain form of an answer that came encoded, for a request that needs it where there is none yet: the passage has it
   * when the promise is kept, unless it cannot be made. Null: nothing is to be waited for.
   */
  makePlain(passage: Passage, entry: StoredEntry): Promise<void> | null {
    const { forms, facts, scope, request } = passage
    if (this.#plain === null || forms === null || forms.entry.generation !== entry.generation) return null
    if (request.method !== 'GET' || facts.directives.noTransform) return null
    const coding = this.#negotiator.missingPlain(forms, facts.acceptEncoding, scope)
    if (coding === null || !this.#plain.mayMake(entry)) return null
    return this.#plain.make(entry, coding).then(form => {
      if (form !== null) passage.forms = new StoredForms(entry, new Map([...forms.coded, [PLAIN, form]]))
    })
  }

  /** A coded form was gone when it was to be read: the passage goes on without. */
  lose(passage: Passage): void {
    if (passage.forms !== null) passage.forms = new StoredForms(passage.forms.entry, noForms)
  }

  noteSent({ passage, entry, sent, incoming }: Sent): void {
    const { forms, scope } = passage
    if (this.#background === null || forms === null) return
    if (sent !== entry) {
      const { coding } = sent.head as unknown as CodedHead
      addNote(incoming, { topic: 'cache', reason: 'coded-form', numbers: { encoding: coding, bytes: sent.bodyLength } })
      // Who reads the form uses the answer: it must not be the first to make room.
      this.#parts.store.touch(entry)
      if (coding !== PLAIN) {
        if (sent.bodyLength > 0) passage.plainBytesPerByte = entry.bodyLength / sent.bodyLength
        this.#parts.count.saved(scope.route, coding, entry.bodyLength - sent.bodyLength)
      }
    }
    if (this.#negotiator.refusalOf(forms, scope) === null) this.#background.noteUse(forms, this.#parts.now())
  }

  /** An answer has come into the store; what was made of the one in whose place it stands goes. */
  noteStored(passage: Passage, entry: StoredEntry): void {
    if (this.#background === null) return
    const { forms, scope } = passage
    if (forms !== null && forms.entry.variant === entry.variant) this.#delete([...forms.coded.values()])
    if (headOf(entry).isPartial !== null) return
    const fresh = new StoredForms(entry, noForms)
    const refusal = this.#negotiator.refusalOf(fresh, scope)
    if (refusal === null) this.#background.noteUse(fresh, this.#parts.now())
    else this.#parts.count.refused(scope.route, refusal)
  }

  /** An entry is forgotten. */
  async dropFormsOf({ key, variant, generation }: StoredEntry): Promise<void> {
    if (this.#background === null) return
    this.#background.forget(each => each.generation === generation)
    this.#delete(formsOfVariant(await this.#parts.store.lookup(key), variant))
  }

  /** The origin has confirmed the entry: its forms live as long as it. */
  renew(forms: StoredForms | null, until: { readonly storedAtMs: number; readonly expiresAtMs: number }): void {
    if (forms === null) return
    const now = this.#parts.now()
    for (const form of forms.coded.values()) {
      // Each renewal is a write: those that live long enough are left alone.
      if (form.expiresAtMs - now > (until.expiresAtMs - now) / 2) continue
      void this.#parts.store.updateHead(form, { head: form.head, ...until })
    }
  }

  /** Purged or made void: nothing is made of it any more. */
  forget(isNamed: (entry: StoredEntry) => boolean): void {
    this.#background?.forget(isNamed)
  }

  close(): void {
    this.#background?.close()
    this.#plain?.close()
  }

  #delete(forms: readonly StoredEntry[]): void {
    for (const { key, variant } of forms) void this.#parts.store.delete(key, variant)
  }
}
