/**
 * Follows the releases of the apps: when the origin sends another start page, what is stored of the release before is
 * forgotten.
 */
import { headOf, type Passage } from '../passage.ts'
import type { AnswerFacts } from '../rules/answer-facts.ts'
import { firstValue } from '../rules/fields.ts'
import { decideRelease, type KnownRelease, releaseTag, type SeenPage } from '../rules/release.ts'
import type { CacheCounters } from '../signals.ts'
import type { Awaitable, CacheStore, StoredEntry } from '../stores/index.ts'
import type { CodedForms } from '../variants/index.ts'

/** Routes whose start page is remembered; the configuration has fewer. */
const MOST_ROUTES = 4_096

/** Where something of an old release may be. */
export interface ReleaseSurroundings {
  readonly store: Pick<CacheStore, 'purge'>
  /** Coded forms that are still to be made. */
  readonly forms: Pick<CodedForms, 'forget'>
  readonly count: Pick<CacheCounters, 'releaseFollowed'>
  /** What runs now is for those who wait for it, and not to be stored. */
  makeVoid(isNamed: (running: { readonly passage: Passage }) => boolean): unknown
}

type SeenFacts = Pick<AnswerFacts, 'contentType' | 'etag' | 'lastModified'>

export class Releases {
  readonly #around: ReleaseSurroundings
  readonly #known = new Map<string, KnownRelease>()

  constructor(around: ReleaseSurroundings) {
    this.#around = around
  }

  /** The origin has sent an answer, whoever may have it. Done when the store has forgotten what it makes void. */
  see(passage: Passage, status: number, { contentType, etag, lastModified }: SeenFacts): Awaitable<unknown> {
    if (!isStartPage(passage)) return null
    return this.#decide(passage, { status, contentType, etag: etag?.raw ?? null, lastModified })
  }

  /** The origin says that what is stored still holds. */
  confirm(passage: Passage, stored: StoredEntry): void {
    if (isStartPage(passage)) void this.#decide(passage, pageOf(stored))
  }

  #decide(passage: Passage, page: SeenPage): Awaitable<unknown> {
    const { scope, stored } = passage
    const before = this.#known.get(scope.route) ?? (stored === null ? null : releaseOf(stored))
    const { known, isOther } = decideRelease(before, page)
    if (known !== null && (this.#known.has(scope.route) || this.#known.size < MOST_ROUTES)) {
      this.#known.set(scope.route, known)
    }
    return isOther ? this.#forget(passage) : null
  }

  #forget(passage: Passage): Awaitable<unknown> {
    const { store, forms, count } = this.#around
    const { route } = passage.scope
    const tag = releaseTag(route)
    count.releaseFollowed(route)
    this.#around.makeVoid(running => running.passage !== passage && running.passage.scope.route === route)
    forms.forget(entry => entry.tags.includes(tag))
    return store.purge({ by: 'tag', value: tag })
  }
}

function isStartPage({ scope, request }: Passage): boolean {
  return request.method === 'GET' && scope.startPages.includes(request.target)
}

/** After a start of the gateway. */
function releaseOf(stored: StoredEntry): KnownRelease | null {
  return decideRelease(null, pageOf(stored)).known
}

function pageOf(stored: StoredEntry): SeenPage {
  const { status, headers, etag, lastModified } = headOf(stored)
  return { status, contentType: firstValue(headers, 'content-type'), etag, lastModified }
}
