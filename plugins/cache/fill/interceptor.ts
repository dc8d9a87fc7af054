/**
 * The half of the cache that faces the origin: stands in front of `app.upstream` and sends each request the way that the
 * first hook has noted for it.
 */
import type { FastifyRequest } from 'fastify'
import type { ExchangeHandler, Interceptor } from '../../upstream/index.ts'
import { invalidate } from '../invalidation.ts'
import { headOf, type Passage } from '../passage.ts'
import { readAnswerFacts } from '../rules/answer-facts.ts'
import type { AnswerHead } from '../rules/types.ts'
import { decideHeadUpdate } from '../rules/update.ts'
import type { CacheCounters } from '../signals.ts'
import type { CacheStore } from '../stores/index.ts'
import { withoutOwnTags } from '../tag/own-tags.ts'
import { HeldBytes, TaggingAnswer } from '../tag/tagging-answer.ts'
import { type HeadWatcher, ThroughAnswer } from '../through-answer.ts'
import { endToEndFields, withoutFraming } from './attempt.ts'
import type { Fills } from './fills.ts'
import { applyUpdate, type Kept } from './revalidated.ts'

export interface InterceptorSetup {
  readonly store: CacheStore
  readonly fills: Fills
  readonly count: CacheCounters
  readonly isStoreShared: boolean
}

export function fillInterceptor(setup: InterceptorSetup): Interceptor {
  const held = new HeldBytes()
  const watchUnsafe: HeadWatcher = (passage, status, rawHeaders) => invalidate(setup, passage, status, rawHeaders)
  const watchHead: HeadWatcher = (...told) => renewByHead(setup.fills, ...told)
  return next => {
    setup.fills.next = next
    setup.fills.invalidate = (passage, { status, rawHeaders }) => invalidate(setup, passage, status, rawHeaders)
    return (upstream, request, handler) => {
      const passage = (request.incoming as FastifyRequest | undefined)?.cachePassage ?? null
      // Scopes of an app may each have a cache in front of the same origins.
      if (passage === null || passage.owner !== setup.fills) return next(upstream, request, handler)
      if (passage.way === 'unsafe' && isStorablePost(passage)) return setup.fills.takeAlone(passage, request, handler)
      if (passage.way === 'unsafe' || passage.way === 'through') {
        setup.count.outcome(passage, passage.request.method === 'HEAD' ? 'miss' : 'bypass')
      }
      if (passage.way === 'unsafe') return next(upstream, request, new ThroughAnswer(handler, passage, watchUnsafe))
      const tagged = tagging(handler, passage, held)
      const asked = passage.scope.etag ? withoutOwnTags(request) : request
      if (passage.way !== 'through') return setup.fills.take(passage, asked, tagged)
      const watch = passage.request.method === 'HEAD' && passage.stored !== null ? watchHead : null
      return next(upstream, asked, new ThroughAnswer(tagged, passage, watch))
    }
  }
}

/** RFC 9110 §9.3.3; whether its answer is kept is decided on that. */
function isStorablePost({ request, scope, facts }: Passage): boolean {
  return scope.settings.storePost && request.method === 'POST' && !facts.hasAuthorization && !facts.hasCookie
}

function tagging(handler: ExchangeHandler, { scope, request, facts }: Passage, held: HeldBytes): ExchangeHandler {
  if (!scope.etag || request.method !== 'GET') return handler
  return new TaggingAnswer(handler, { method: request.method, facts }, held)
}

/**
 * Stricter than RFC 9111 §4.3.5: without a validator nobody knows that the HEAD was about the same bytes, and what one
 * person's credentials brought is not for others.
 */
function mayRenew({ facts, stored }: Passage, answer: AnswerHead): boolean {
  if (facts.hasAuthorization || facts.hasCookie || stored === null) return false
  const told = readAnswerFacts(answer.headers, 0)
  const { etag, lastModified } = headOf(stored)
  return etag !== null ? told.etag !== null : lastModified !== null && told.lastModified !== null
}

/** RFC 9111 §4.3.5: a HEAD renews what is stored, or shows that it has changed. */
function renewByHead(
  kept: Kept & Pick<Fills, 'drop'>,
  passage: Passage,
  status: number,
  rawHeaders: readonly string[],
  requestTimeMs: number,
): void {
  const { stored } = passage
  // It went up with parameters that what is stored was not asked with.
  if (stored === null || passage.keyedTarget !== passage.request.target) return
  const responseTimeMs = Date.now()
  const answer = { status, headers: withoutFraming(endToEndFields(rawHeaders)) }
  const decision = decideHeadUpdate(headOf(stored), { status, headers: endToEndFields(rawHeaders) }, responseTimeMs)
  if (decision.update && !mayRenew(passage, answer)) return
  if (decision.update) applyUpdate(kept, stored, { passage, answer, times: { requestTimeMs, responseTimeMs } })
  else if (decision.reason !== 'status') kept.drop(stored)
}
