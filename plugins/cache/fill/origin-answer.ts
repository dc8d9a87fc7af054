/**
 * The answer of an origin as far as its head tells: whether it may be kept, and the head that each reader of it gets.
 */
import type { Passage } from '../passage.ts'
import { ageField, type ExchangeTimes } from '../rules/age.ts'
import { type AnswerFacts, readAnswerFacts } from '../rules/answer-facts.ts'
import type { RequestFacts } from '../rules/request-facts.ts'
import { decideStorable, type StoreDecision } from '../rules/storable.ts'
import { buildStoredHead } from '../rules/stored-head.ts'
import type { StoredHead } from '../rules/types.ts'
import { endToEndFields, type OriginHead, withoutFraming } from './attempt.ts'
import type { FillReader, ReaderHead } from './fill-reader.ts'
import { wholeFacts } from './outgoing.ts'
import { readerHead } from './reader-head.ts'

/** How it was asked for. */
export interface Asked {
  readonly passage: Passage
  /** Without the client's own conditions and range. */
  readonly isWhole: boolean
}

export interface OriginAnswer {
  readonly origin: OriginHead
  /** Without fields of the hop. */
  readonly headers: readonly string[]
  readonly facts: AnswerFacts
  readonly decision: StoreDecision
  /** What is kept; null where nothing is. */
  readonly head: StoredHead | null
}

export function readOriginAnswer(origin: OriginHead, { passage, isWhole }: Asked, times: ExchangeTimes): OriginAnswer {
  const headers = endToEndFields(origin.rawHeaders)
  const facts = readAnswerFacts(headers, times.responseTimeMs)
  const requestFacts = isWhole ? wholeFacts(passage.facts) : passage.facts
  const { hasBody: hasRequestBody, scope } = passage
  // The whole is asked for by GET, also when a HEAD was the occasion.
  const request = isWhole ? { ...passage.request, method: 'GET' } : passage.request
  const exchange = { request, requestFacts, hasRequestBody, status: origin.status, answerFacts: facts, times }
  const decision = decideStorable(exchange, scope.settings)
  if (!decision.store) return { origin, headers, facts, decision, head: null }
  const answer = { status: origin.status, headers: withoutFraming(headers) }
  const { contentLength: bodyLength } = facts
  const head = buildStoredHead({ request, answer, answerFacts: facts, times, decision, bodyLength })
  return { origin, headers, facts, decision, head }
}

/** As it came, for the one whose own request went up unchanged. */
export function unchangedHead({ status, rawHeaders, message }: OriginHead, fields: readonly string[]): ReaderHead {
  return { status, fields: [...rawHeaders, ...fields], message, start: 0, end: Number.POSITIVE_INFINITY }
}

/** For somebody who may have what is kept: by its own conditions and range, with Age where it is not the first to see it. */
export function sharedHead(
  head: StoredHead,
  { facts, isLeader }: { readonly facts: RequestFacts; readonly isLeader: boolean },
  message: string,
  fields: readonly string[],
): ReaderHead {
  const now = Date.now()
  const own = readerHead(head, facts, message, now)
  const age = isLeader && head.freshness.initialAgeMs < 1000 ? [] : ['Age', ageField(head, now)]
  return { ...own, fields: [...own.fields, ...age, ...fields] }
}

/** For the leader alone, whose conditions were taken off; the bytes that its range means are of another answer. */
export function leadersOwnHead(answer: OriginAnswer, { passage }: FillReader, fields: readonly string[]): ReaderHead {
  const { etag, lastModified, lastModifiedMs, dateMs, contentLength: bodyLength } = answer.facts
  const { status, message } = answer.origin
  const validators = { etag: etag?.raw ?? null, lastModified, lastModifiedMs, dateMs }
  const head = { status, headers: answer.headers, bodyLength, ...validators }
  const own = readerHead(head, { ...passage.facts, range: null }, message, Date.now())
  return { ...own, fields: [...own.fields, ...fields] }
}
