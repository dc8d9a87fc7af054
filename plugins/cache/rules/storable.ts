/**
 * Whether an answer may be stored (RFC 9111 §3, §3.5) and should be: what a household must not share is refused even
 * where the standard would allow it. Each refusal has its word.
 */
import { isEndless } from '../../contract/index.ts'
import { type ExchangeTimes, initialAgeMs } from './age.ts'
import type { AnswerFacts } from './answer-facts.ts'
import { isHtmlBehindAsset } from './content-type.ts'
import { decideFreshness, type FreshnessDecision } from './freshness.ts'
import { graceMs, isForAuthorized, reuseLimits } from './limits.ts'
import { decidePart, type PartRefusal } from './partial.ts'
import { resolveReference, sameHost } from './reference.ts'
import type { RequestFacts } from './request-facts.ts'
import type { ByteSpan, RequestHead, RouteCacheSettings } from './types.ts'
import { decideVary, type VaryRefusal } from './vary.ts'

export type StoreRefusal =
  | VaryRefusal
  | PartRefusal
  | 'method'
  | 'request-body'
  | 'request-no-store'
  | 'request-override'
  | 'status'
  | 'status-not-understood'
  | 'no-store'
  | 'private'
  | 'cache-control-malformed'
  | 'authorization'
  | 'set-cookie'
  | 'event-stream'
  | 'html-behind-asset'
  | 'too-large'
  | 'length-malformed'
  | 'error-without-lifetime'
  | 'cookie-unmarked'
  | 'nothing-to-reuse'

export type StoreDecision =
  | {
      readonly store: true
      readonly freshness: FreshnessDecision
      readonly initialAgeMs: number
      readonly varyNames: readonly string[]
      /** Which part a 206 brings; null for a whole answer. */
      readonly part: ByteSpan | null
    }
  | { readonly store: false; readonly reason: StoreRefusal }

export interface Exchange {
  readonly request: RequestHead
  readonly requestFacts: RequestFacts
  /** The request came with content: chunked, or of a length above 0. */
  readonly hasRequestBody: boolean
  readonly status: number
  readonly answerFacts: AnswerFacts
  readonly times: ExchangeTimes
}

export function decideStorable(exchange: Exchange, settings: RouteCacheSettings): StoreDecision {
  const { status, requestFacts, answerFacts } = exchange
  const reason =
    refuseRequest(exchange, settings) ??
    refuseStatus(exchange) ??
    refuseDirectives(exchange) ??
    refusePerson(exchange) ??
    refuseContent(exchange, settings)
  if (reason !== null) return { store: false, reason }
  const vary = decideVary(answerFacts.vary, answerFacts.contentEncoding !== null, settings)
  if (!vary.share) return { store: false, reason: vary.reason }
  const part = decidePart({ status, range: requestFacts.range, answerFacts }, settings)
  if (!part.store) return part
  const freshness = decideFreshness(answerFacts, freshnessContext(exchange, settings))
  const age = initialAgeMs(answerFacts, exchange.times)
  const useless = refuseUseless(exchange, settings, { lifetimeMs: freshness.lifetimeMs, ageMs: age })
  if (useless !== null) return { store: false, reason: useless }
  return { store: true, freshness, initialAgeMs: age, varyNames: vary.names, part: part.span }
}

function freshnessContext(exchange: Exchange, settings: RouteCacheSettings) {
  return {
    status: exchange.status,
    target: exchange.request.target,
    hasCookie: exchange.requestFacts.hasCookie,
    heuristicFreshness: settings.heuristicFreshness,
    unmarkedLifetimeMs: settings.unmarkedLifetimeMs ?? 0,
  }
}

function refuseRequest(exchange: Exchange, settings: RouteCacheSettings): StoreRefusal | null {
  const { request, requestFacts } = exchange
  // RFC 9111 §3: the method is understood. HEAD has no body to store; it updates (§4.3.5).
  if (request.method !== 'GET' && !isPostForGet(exchange, settings)) return 'method'
  // RFC 9110 §9.3.1: content of a GET means nothing, but origins have been seen to answer it.
  if (exchange.hasRequestBody && request.method === 'GET') return 'request-body'
  // RFC 9111 §5.2.1.5
  if (requestFacts.directives.noStore) return 'request-no-store'
  return requestFacts.hasOverride ? 'request-override' : null
}

/** RFC 9110 §9.3.3: with a lifetime in so many words and a Content-Location that is the target itself. */
function isPostForGet(exchange: Exchange, settings: RouteCacheSettings): boolean {
  const { request, requestFacts, answerFacts, status } = exchange
  if (!settings.storePost || request.method !== 'POST' || status !== 200) return false
  if (requestFacts.hasAuthorization || requestFacts.hasCookie || answerFacts.contentLocation === null) return false
  const location = resolveReference(answerFacts.contentLocation, request)
  if (location === null || location.target !== request.target) return false
  if (location.host !== null && !sameHost(location.host, request.host, request.scheme)) return false
  const { sharedMaxAge, maxAge } = answerFacts.directives
  return (sharedMaxAge ?? maxAge ?? 0) > 0 || (answerFacts.expiresMs ?? 0) > answerFacts.dateMs
}

/** Statuses that answer the credentials, the conditions, the size or the haste of one request. */
const statusesOfOneRequest = new Set([226, 304, 401, 407, 408, 412, 413, 416, 417, 421, 425, 426, 428, 429, 431, 511])
/** Statuses whose rules for caches are followed here (RFC 9111 §3, must-understand). */
const understood = new Set([
  ...[200, 203, 204, 206, 300, 301, 302, 303, 307, 308],
  ...[400, 403, 404, 405, 410, 414, 451, 500, 501, 502, 503, 504],
])

function refuseStatus({ status, answerFacts }: Exchange): StoreRefusal | null {
  // RFC 9111 §3: the status is final.
  if (status < 200 || status > 599 || statusesOfOneRequest.has(status)) return 'status'
  return answerFacts.directives.mustUnderstand && !understood.has(status) ? 'status-not-understood' : null
}

function refuseDirectives({ answerFacts }: Exchange): StoreRefusal | null {
  const { directives } = answerFacts
  // RFC 9111 §5.2.2.3: who understands the status passes over no-store.
  if (directives.noStore && !directives.mustUnderstand) return 'no-store'
  if (directives.isPrivate) return 'private'
  return answerFacts.isMalformed ? 'cache-control-malformed' : null
}

function refusePerson({ requestFacts, answerFacts }: Exchange): StoreRefusal | null {
  // RFC 9111 §3.5
  if (requestFacts.hasAuthorization && !isForAuthorized(answerFacts)) return 'authorization'
  // RFC 9111 §7.3 leaves it to the origin to forbid this; too many forget it.
  return answerFacts.hasSetCookie ? 'set-cookie' : null
}

function refuseContent({ request, answerFacts }: Exchange, settings: RouteCacheSettings): StoreRefusal | null {
  const { contentType, contentLength } = answerFacts
  if (isEndless(contentType)) return 'event-stream'
  if (isHtmlBehindAsset(request.target, contentType)) return 'html-behind-asset'
  if (contentLength === null) return null
  if (Number.isNaN(contentLength)) return 'length-malformed'
  return contentLength > settings.maxObjectBytes ? 'too-large' : null
}

/** An answer that can neither be used nor revalidated only fills the store. */
function refuseUseless(
  { status, requestFacts, answerFacts }: Exchange,
  settings: RouteCacheSettings,
  { lifetimeMs, ageMs }: { lifetimeMs: number; ageMs: number },
): StoreRefusal | null {
  const { directives } = answerFacts
  const isFresh = lifetimeMs > ageMs && !directives.noCache
  if (isFresh) return null
  // RFC 9111 §3: anything but a plain answer needs a lifetime.
  if (status !== 200 && status !== 203) return 'error-without-lifetime'
  // A validator shared by two people's pages is a common mistake of apps that never met a shared cache.
  if (requestFacts.hasCookie && !directives.isPublic && lifetimeMs === 0) return 'cookie-unmarked'
  if (requestFacts.hasCookie && !directives.isPublic && directives.noCache) return 'cookie-unmarked'
  if (answerFacts.etag !== null || answerFacts.lastModified !== null) return null
  return !directives.noCache && ageMs - lifetimeMs < graceMs(reuseLimits(answerFacts), settings)
    ? null
    : 'nothing-to-reuse'
}
