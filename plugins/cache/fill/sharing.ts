/**
 * Whether somebody whose request did not go to the origin may have the answer that is on its way to another (RFC 9111 §4).
 */
import type { Passage } from '../passage.ts'
import { currentAgeMs } from '../rules/age.ts'
import { isGuessForCookie } from '../rules/reuse.ts'
import type { StoredHead } from '../rules/types.ts'
import { matchesVary } from '../rules/vary.ts'
import { FILL_WINDOW_BYTES, type FillBody } from './fill-body.ts'

/** `another`: one that is stored, or a fill that is better for it, may serve it; `alone`: its own request has to. */
export type Sharing = 'shared' | 'another' | 'alone'

/** `shared`: what everybody may have; null where that is nothing. */
export function decideSharing(shared: StoredHead | null, body: FillBody, { request, facts }: Passage): Sharing {
  // What may not be used again without asking answers the one request that asked.
  if (shared === null || shared.limits.alwaysRevalidate || !isFresh(shared)) return 'alone'
  if (isGuessForCookie(shared, facts)) return 'alone'
  if (!canBeKept(shared, body) || !matchesVary(shared, request)) return 'another'
  return facts.hasAuthorization && !shared.limits.isForAuthorized ? 'another' : 'shared'
}

/** What is longer than the window would bind the fast to the slow. */
export function canBeKept({ bodyLength }: StoredHead, { isWhole }: FillBody): boolean {
  return isWhole && (bodyLength === null || bodyLength <= FILL_WINDOW_BYTES)
}

/** An answer that came without a length has one when it is over. */
export function withLength(head: StoredHead, body: FillBody): StoredHead {
  return head.bodyLength === null && body.isEnded ? { ...head, bodyLength: body.total } : head
}

function isFresh(head: StoredHead): boolean {
  return currentAgeMs(head, Date.now()) < head.freshness.lifetimeMs
}
