/**
 * Which form of a stored answer a request gets (RFC 9110 §12.1, §12.5.3): the stored bytes, or a coded form that has been
 * made of them. What the codec says is asked once for each spelling of Accept-Encoding.
 */
import { type CacheScope, headOf } from '../passage.ts'
import type { StoredHead } from '../rules/types.ts'
import type { StoredEntry } from '../stores/index.ts'
import type { VariantCodec } from './codec.ts'
import { PLAIN } from './coded-entry.ts'
import { decideMayCode } from './decide-coded.ts'
import { decidePlainable, removableCoding } from './plain-forms.ts'
import type { StoredForms } from './sorted-set.ts'

/** Spellings of Accept-Encoding that are remembered for one answer, and how long they may be; no browser's is longer. */
const MOST_SPELLINGS = 16
const MOST_SPELLING_CHARACTERS = 128

export interface Choice {
  /** The coded form; null = the stored bytes. */
  readonly coding: string | null
  readonly entry: StoredEntry
  /** Codings that the client could be given instead; `null` in it for the stored bytes. */
  readonly accepted: readonly (string | null)[]
  /** For whoever answers: lives as long as the choice. */
  prepared: unknown
}

interface Negotiated {
  readonly scope: CacheScope
  readonly codec: VariantCodec
  readonly may: boolean
  readonly reason: string
  /** The coding of the origin that may be taken off; null = none. */
  readonly plainable: string | null
  readonly choices: Map<string, Choice>
}

export class Negotiator {
  codec: VariantCodec | null = null

  /** Null: nothing is negotiable about this answer. */
  choose(forms: StoredForms, acceptEncoding: string | null, scope: CacheScope): Choice | null {
    const known = this.#known(forms, scope)
    if (known === null) return null
    if (!known.may) return known.plainable === null ? null : this.#choosePlain(forms, known, acceptEncoding)
    const spelling = acceptEncoding ?? ABSENT
    return known.choices.get(spelling) ?? this.#decide(forms, known, spelling)
  }

  /** Why no coded forms are made of it; null where they may be. */
  refusalOf(forms: StoredForms, scope: CacheScope): string | null {
    const known = this.#known(forms, scope)
    if (known === null) return 'no-codec'
    return known.may ? null : known.reason
  }

  /** The origin's coding, where the request needs the plain form of the entry and there is none yet; else null. */
  missingPlain(forms: StoredForms, acceptEncoding: string | null, scope: CacheScope): string | null {
    const plainable = forms.coded.has(PLAIN) ? null : (this.#known(forms, scope)?.plainable ?? null)
    return plainable !== null && this.#needsPlain(plainable, acceptEncoding, scope) ? plainable : null
  }

  /** Whether an answer that came encoded has to be decoded for the request, kept in that form or not. */
  mustBePlain({ headers }: Pick<StoredHead, 'headers'>, acceptEncoding: string | null, scope: CacheScope): boolean {
    const coding = removableCoding(headers)
    return coding !== null && this.#needsPlain(coding, acceptEncoding, scope)
  }

  #needsPlain(contentEncoding: string, acceptEncoding: string | null, { route }: CacheScope): boolean {
    return this.codec?.needsPlain?.(acceptEncoding ?? undefined, contentEncoding, route) ?? false
  }

  #choosePlain(forms: StoredForms, known: Negotiated, acceptEncoding: string | null): Choice | null {
    const entry = forms.coded.get(PLAIN)
    if (entry === undefined || !this.#needsPlain(known.plainable as string, acceptEncoding, known.scope)) return null
    const choice = known.choices.get(PLAIN) ?? { coding: PLAIN, entry, accepted: [PLAIN], prepared: null }
    known.choices.set(PLAIN, choice)
    return choice
  }

  #known(forms: StoredForms, scope: CacheScope): Negotiated | null {
    const { codec } = this
    if (codec === null) return null
    const before = forms.negotiated as Negotiated | null
    // A reload makes other scopes, and with them other settings of the codec.
    if (before !== null && before.scope === scope && before.codec === codec) return before
    const decision = decideMayCode(headOf(forms.entry), forms.entry.bodyLength, codec, scope.route)
    const reason = decision.may ? '' : decision.reason
    const plainable = decision.may ? null : decidePlainable(headOf(forms.entry), forms.entry.bodyLength)
    const known = { scope, codec, may: decision.may, reason, plainable, choices: new Map<string, Choice>() }
    forms.negotiated = known
    return known
  }

  #decide(forms: StoredForms, { codec, scope, choices }: Negotiated, spelling: string): Choice {
    const acceptEncoding = spelling === ABSENT ? undefined : spelling
    const offered = codec.codings.filter(coding => forms.coded.has(coding))
    const chosen = codec.choose(acceptEncoding, offered, scope.route)
    const coded = chosen === null ? undefined : forms.coded.get(chosen)
    const accepted: (string | null)[] = codec.codings.filter(
      coding => codec.choose(acceptEncoding, [coding], scope.route) === coding,
    )
    if (codec.choose(acceptEncoding, [], scope.route) !== null) accepted.push(null)
    const choice: Choice = {
      coding: coded === undefined ? null : chosen,
      entry: coded ?? forms.entry,
      accepted,
      prepared: null,
    }
    if (spelling.length > MOST_SPELLING_CHARACTERS) return choice
    if (choices.size >= MOST_SPELLINGS) choices.clear()
    choices.set(spelling, choice)
    return choice
  }
}

/** No field of a request has a line feed. */
const ABSENT = '\n'
