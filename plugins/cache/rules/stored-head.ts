/**
 * Makes what is kept of an answer: its fields without those that must not be stored (RFC 9111 §3.1), and all facts that a
 * hit would otherwise read out of them again.
 */
import { type ExchangeTimes, initialAgeMs } from './age.ts'
import type { AnswerFacts } from './answer-facts.ts'
import { withoutFields } from './fields.ts'
import type { FreshnessDecision } from './freshness.ts'
import { formatHttpDate } from './http-date.ts'
import { reuseLimits } from './limits.ts'
import { readTags } from './tags.ts'
import type { AnswerHead, ByteSpan, RequestHead, StoredHead } from './types.ts'
import { varyValuesOf } from './vary.ts'

/** RFC 9111 §3.1, and Set-Cookie, which belongs to the client that was answered. Age is told anew each time (§5.1). */
export const neverStored: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'proxy-connection'],
  ...['proxy-authenticate', 'proxy-authentication-info', 'proxy-authorization', 'set-cookie', 'age'],
])

export interface StorableAnswer {
  readonly request: RequestHead
  readonly answer: AnswerHead
  readonly answerFacts: AnswerFacts
  readonly times: ExchangeTimes
  readonly decision: {
    readonly freshness: FreshnessDecision
    readonly varyNames: readonly string[]
    readonly part: ByteSpan | null
  }
  readonly bodyLength: number | null
}

export function buildStoredHead(input: StorableAnswer): StoredHead {
  const { request, answer, answerFacts, times, decision } = input
  return {
    status: answer.status,
    headers: fieldsToStore(answer.headers, answerFacts),
    // RFC 9110 §9.3.3: the answer of a POST that may be kept is one to GET.
    method: 'GET',
    requestTimeMs: times.requestTimeMs,
    responseTimeMs: times.responseTimeMs,
    bodyLength: input.bodyLength,
    varyNames: decision.varyNames,
    varyValues: varyValuesOf(decision.varyNames, request),
    isPartial: decision.part,
    tags: readTags(answer.headers),
    etag: answerFacts.etag?.raw ?? null,
    lastModified: answerFacts.lastModified,
    lastModifiedMs: answerFacts.lastModifiedMs,
    dateMs: answerFacts.dateMs,
    freshness: { ...decision.freshness, initialAgeMs: initialAgeMs(answerFacts, times) },
    limits: reuseLimits(answerFacts),
  }
}

function fieldsToStore(headers: readonly string[], facts: AnswerFacts): string[] {
  const { noCacheFields } = facts.directives
  const fields = withoutFields(headers, noCacheFields.length === 0 ? neverStored : union(noCacheFields))
  if (facts.hasDate) return fields
  // RFC 9110 §6.6.1: who receives an answer without a (readable) Date and stores it adds one.
  return [...withoutFields(fields, new Set(['date'])), 'Date', formatHttpDate(facts.dateMs)]
}

/** RFC 9111 §5.2.2.4: the fields of `no-cache="…"` are not used again, so they are not kept. */
function union(names: readonly string[]): ReadonlySet<string> {
  return new Set([...neverStored, ...names])
}
