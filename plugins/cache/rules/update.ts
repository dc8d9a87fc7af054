/**
 * What a 304 or the answer to a HEAD changes in what is stored (RFC 9111 §3.2, §4.3.4, §4.3.5): which stored answer is
 * meant, which fields are replaced, and whether the result may still be kept.
 */
import { isNamed } from '../../contract/index.ts'
import type { ExchangeTimes } from './age.ts'
import { type AnswerFacts, readAnswerFacts } from './answer-facts.ts'
import { equalStrongly, equalWeakly, parseEntityTag } from './entity-tag.ts'
import { lineValues } from './fields.ts'
import type { RequestFacts } from './request-facts.ts'
import { decideStorable, type StoreRefusal } from './storable.ts'
import { buildStoredHead, neverStored } from './stored-head.ts'
import type { AnswerHead, RequestHead, RouteCacheSettings, StoredHead } from './types.ts'

/** RFC 9111 §3.2: the stored body depends on these, or they describe it; a 304 that brings others is mistaken. */
const neverUpdated: ReadonlySet<string> = new Set([
  ...neverStored,
  ...['content-length', 'content-encoding', 'content-type', 'content-range'],
  ...['content-md5', 'content-digest', 'repr-digest', 'digest'],
])

export type SelectReason = 'strong-validator' | 'weak-validator' | 'sole' | 'validator-mismatch' | 'ambiguous'

export interface SelectDecision<T> {
  /** Null: update nothing, ask again without conditions. */
  readonly stored: T | null
  readonly reason: SelectReason
}

/** Which of the stored answers that were offered a 304 is about (RFC 9111 §4.3.4). */
export function selectForUpdate<T extends StoredHead>(
  candidates: readonly T[],
  answer: AnswerHead,
  nowMs: number,
): SelectDecision<T> {
  const { etag, lastModified } = readAnswerFacts(answer.headers, nowMs)
  if (etag === null && lastModified === null) {
    // Many origins forget the validators in a 304; where one answer was offered, that is the one.
    return candidates.length === 1 ? { stored: candidates[0]!, reason: 'sole' } : { stored: null, reason: 'ambiguous' }
  }
  const isStrong = etag !== null && !etag.isWeak
  if (isStrong) {
    const same = candidates.filter(each => isSameTag(each, parsed => equalStrongly(parsed, etag)))
    if (same.length > 0) return { stored: newest(same), reason: 'strong-validator' }
  }
  const alike = candidates.filter(each =>
    etag === null || each.etag === null
      ? lastModified !== null && each.lastModified === lastModified
      : isSameTag(each, parsed => equalWeakly(parsed, etag)),
  )
  if (alike.length > 0) return { stored: newest(alike), reason: 'weak-validator' }
  return { stored: null, reason: 'validator-mismatch' }
}

function isSameTag(stored: StoredHead, isEqual: (tag: NonNullable<AnswerFacts['etag']>) => boolean): boolean {
  const tag = stored.etag === null ? null : parseEntityTag(stored.etag)
  return tag !== null && isEqual(tag)
}

function newest<T extends StoredHead>(candidates: readonly T[]): T {
  return candidates.reduce((best, each) => (each.dateMs > best.dateMs ? each : best))
}

export interface UpdateInput {
  readonly request: RequestHead
  readonly requestFacts: RequestFacts
  /** The 304, or the 200 to a HEAD. */
  readonly answer: AnswerHead
  readonly times: ExchangeTimes
}

export interface UpdateDecision {
  /** The updated head: what the client of this request is given. */
  readonly stored: StoredHead
  /** False: the origin takes back what it allowed; answer this client with it and drop what is stored. */
  readonly keep: boolean
  readonly reason: 'updated' | StoreRefusal
  /** Flat Set-Cookie lines of the 304, for the client of this request alone. */
  readonly clientFields: readonly string[]
}

/** RFC 9111 §3.2: the stored answer with the fields of a newer one; lifetime and age are counted from that. */
export function updateStoredHead(
  stored: StoredHead,
  { request, requestFacts, answer, times }: UpdateInput,
  settings: RouteCacheSettings,
): UpdateDecision {
  const headers = mergeFields(stored.headers, answer.headers)
  const answerFacts = factsAfterUpdate(headers, answer.headers, times)
  const asGet = { ...request, method: 'GET' }
  const decision = decideStorable(
    {
      request: asGet,
      requestFacts: factsOfUpdate(requestFacts, stored),
      hasRequestBody: false,
      status: stored.status,
      answerFacts,
      times,
    },
    settings,
  )
  const { freshness, varyNames } = decision.store
    ? decision
    : { freshness: { lifetimeMs: 0, source: 'none' as const }, varyNames: stored.varyNames }
  const head = buildStoredHead({
    request: asGet,
    answer: { status: stored.status, headers },
    answerFacts,
    times,
    decision: { freshness, varyNames, part: stored.isPartial },
    bodyLength: stored.bodyLength,
  })
  const clientFields = lineValues(answer.headers, 'set-cookie').flatMap(value => ['Set-Cookie', value])
  if (decision.store || staleReasons.has(decision.reason)) {
    return { stored: head, keep: true, reason: 'updated', clientFields }
  }
  return { stored: head, keep: false, reason: decision.reason, clientFields }
}

/** Refusals that keep a new answer out, but do not say that a stored one has become wrong. */
const staleReasons: ReadonlySet<StoreRefusal> = new Set(['cookie-unmarked', 'nothing-to-reuse'])

/** One client's no-store is no reason to take the answer from all others: it only keeps the update out. */
function factsOfUpdate(facts: RequestFacts, stored: StoredHead): RequestFacts {
  const directives = { ...facts.directives, noStore: false }
  return { ...facts, directives, hasOverride: false, range: stored.isPartial === null ? null : 'bytes=0-' }
}

/**
 * A stored Date or Age says nothing about an answer that has just been confirmed, and a stored targeted field does not
 * outlive an update that says private by itself.
 */
function factsAfterUpdate(merged: readonly string[], update: readonly string[], times: ExchangeTimes): AnswerFacts {
  const facts = readAnswerFacts(merged, times.responseTimeMs)
  const own = readAnswerFacts(update, times.responseTimeMs)
  const { dateMs, hasDate, ageSeconds } = own
  const directives = {
    ...facts.directives,
    isPrivate: facts.directives.isPrivate || own.directives.isPrivate,
    noStore: facts.directives.noStore || own.directives.noStore,
  }
  return { ...facts, dateMs, hasDate, ageSeconds, directives, isMalformed: facts.isMalformed || own.isMalformed }
}

/** Each field of the update replaces all stored lines of its name; new ones come last. */
export function mergeFields(stored: readonly string[], update: readonly string[]): string[] {
  const replaced = new Set<string>()
  const added: string[] = []
  for (let i = 0; i + 1 < update.length; i += 2) {
    const name = update[i]!.toLowerCase()
    if (neverUpdated.has(name)) continue
    replaced.add(name)
    added.push(update[i]!, update[i + 1]!)
  }
  const kept: string[] = []
  for (let i = 0; i + 1 < stored.length; i += 2) {
    if (!replaced.has(stored[i]!.toLowerCase())) kept.push(stored[i]!, stored[i + 1]!)
  }
  return [...kept, ...added]
}

export type HeadDecision =
  | { readonly update: true; readonly reason: 'validators-match' }
  | { readonly update: false; readonly reason: 'status' | 'length-differs' | 'etag-differs' | 'last-modified-differs' }

/**
 * RFC 9111 §4.3.5: a 200 to a HEAD updates the stored answer that it would have been, unless it shows that this has
 * changed; then (any reason but `status`) what is stored is stale and must not be used any more.
 */
export function decideHeadUpdate(stored: StoredHead, answer: AnswerHead, nowMs: number): HeadDecision {
  if (answer.status !== 200 || stored.status !== 200 || stored.isPartial !== null) {
    return { update: false, reason: 'status' }
  }
  const facts = readAnswerFacts(answer.headers, nowMs)
  const length = stored.bodyLength ?? facts.contentLength
  if (facts.contentLength !== null && facts.contentLength !== length) return { update: false, reason: 'length-differs' }
  const { etag } = facts
  if (etag !== null && !isSameTag(stored, tag => equalWeakly(tag, etag))) {
    return { update: false, reason: 'etag-differs' }
  }
  if (hasField(answer, 'last-modified') && facts.lastModified !== stored.lastModified) {
    return { update: false, reason: 'last-modified-differs' }
  }
  return { update: true, reason: 'validators-match' }
}

function hasField(answer: AnswerHead, name: string): boolean {
  return answer.headers.some((each, index) => index % 2 === 0 && isNamed(each, name))
}
