/**
 * Releases of an app, told by its start page: when that is another file, what is stored of files that do not carry their
 * version in their name may belong to the release before, and old scripts would meet the new page (demand E3). Pure.
 */
import { isMediaType } from './content-type.ts'
import { LONGEST_TAG, MOST_TAGS } from './tags.ts'
import type { StoredHead } from './types.ts'

/** What of an answer this goes by. */
export interface SeenPage {
  readonly status: number
  readonly contentType: string | null
  readonly etag: string | null
  readonly lastModified: string | null
}

/** What is known of the start page of one app. */
export interface KnownRelease {
  /** Marks of its pages, the latest first. */
  readonly pages: readonly string[]
  /** Marks of the releases before. */
  readonly former: readonly string[]
  /** New ones since a known one was last seen. */
  readonly inARow: number
}

export interface ReleaseDecision {
  readonly known: KnownRelease | null
  /** Nothing of the release before is to be used any more. */
  readonly isOther: boolean
}

/** Start pages that one release may have, in other codings and for other people. */
const MOST_PAGES = 4
/** A page that is a new one at more looks in a row is written anew each time, and tells nothing. */
const MOST_IN_A_ROW = 2

/**
 * A page that comes back is another release once, since somebody may have gone back to the one before, and from then on it
 * and the other are pages of one release: that of another coding, or of who has logged in.
 */
export function decideRelease(known: KnownRelease | null, page: SeenPage): ReleaseDecision {
  const mark = markOf(page)
  if (mark === null) return { known, isOther: false }
  if (known === null) return { known: { pages: [mark], former: [], inARow: 0 }, isOther: false }
  const { pages, former } = known
  if (pages.includes(mark)) return { known: known.inARow === 0 ? known : { ...known, inARow: 0 }, isOther: false }
  const both = [mark, ...pages].slice(0, MOST_PAGES)
  if (known.inARow >= MOST_IN_A_ROW) return { known: { ...known, pages: both }, isOther: false }
  const isBack = former.includes(mark)
  const left = [...pages, ...former].slice(0, MOST_PAGES)
  return { known: { pages: isBack ? both : [mark], former: left, inARow: known.inARow + 1 }, isOther: true }
}

/**
 * A strong tag, else the time of the file. Weak tags alone are also what frameworks make of pages that are written anew for
 * each visitor. A 304 names the tag of the page that it is about (RFC 9110 §15.4.5).
 */
function markOf({ status, contentType, etag, lastModified }: SeenPage): string | null {
  const isPage = status === 304 || (status === 200 && isMediaType(contentType, 'text/html'))
  if (!isPage) return null
  return etag?.startsWith('"') ? etag : lastModified
}

/** By this everything that a release makes void is purged. No origin can say it: a tag has no blank. */
export function releaseTag(route: string): string {
  return `release ${route}`
}

/** What may be used for half a year has another name when it changes; an open page of the release before still asks for it. */
const LASTING_MS = 180 * 24 * 3_600_000

/** The origin's own tags and, where its release decides whether the answer is still right, ours. */
export function tagsToStore(
  { tags, freshness }: Pick<StoredHead, 'tags' | 'freshness'>,
  route: string,
): readonly string[] {
  if (freshness.lifetimeMs >= LASTING_MS || tags.length >= MOST_TAGS) return tags
  const own = releaseTag(route)
  return own.length > LONGEST_TAG ? tags : [...tags, own]
}
