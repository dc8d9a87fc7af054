/**
 * What a request is to the cache before anything is looked up: pure, from its method and fields.
 */
import type { Passage, Way } from '../passage.ts'
import { firstValue } from '../rules/fields.ts'
import { isSafeMethod } from '../rules/invalidation.ts'

export interface WayDecision {
  /** Null: to be looked up. */
  readonly way: Way | null
  readonly reason: Passage['reason']
}

export function decideWay({ request, facts, hasBody }: Pick<Passage, 'request' | 'facts' | 'hasBody'>): WayDecision {
  const { method } = request
  if (!isSafeMethod(method)) return { way: 'unsafe', reason: 'unsafe' }
  // The origin may take it for another method, or another address.
  if (facts.hasOverride) return { way: 'unsafe', reason: 'override' }
  if (method !== 'GET' && method !== 'HEAD') return { way: 'through', reason: 'method' }
  if (hasBody) return { way: 'through', reason: 'request-body' }
  // Open for as long as somebody listens: nobody waits for another's.
  if (firstValue(request.headers, 'accept')?.startsWith('text/event-stream') === true) {
    return { way: 'through', reason: 'event-stream' }
  }
  // RFC 9111 §4.3.2: conditions that only the origin can evaluate.
  if (facts.ifMatch !== null) return { way: 'through', reason: 'if-match' }
  if (facts.ifUnmodifiedSince !== null) return { way: 'through', reason: 'if-unmodified-since' }
  return { way: null, reason: 'absent' }
}
