/**
 * How old an answer was on arrival and is now (RFC 9111 §4.2.3), and the Age field that says so (§5.1).
 */
import type { AnswerFacts } from './answer-facts.ts'
import type { StoredHead } from './types.ts'

/** When the request was sent and when the head of its answer arrived. */
export interface ExchangeTimes {
  readonly requestTimeMs: number
  readonly responseTimeMs: number
}

/** corrected_initial_age in milliseconds; clocks that run backwards make nothing younger than new. */
export function initialAgeMs(facts: Pick<AnswerFacts, 'ageSeconds' | 'dateMs'>, times: ExchangeTimes): number {
  const apparentAge = Math.max(0, times.responseTimeMs - facts.dateMs)
  const responseDelay = Math.max(0, times.responseTimeMs - times.requestTimeMs)
  return Math.max(apparentAge, facts.ageSeconds * 1000 + responseDelay)
}

/** current_age in milliseconds. */
export function currentAgeMs(stored: Pick<StoredHead, 'freshness' | 'responseTimeMs'>, nowMs: number): number {
  return stored.freshness.initialAgeMs + Math.max(0, nowMs - stored.responseTimeMs)
}

/** The value of Age for a stored answer that is sent now. */
export function ageField(stored: Pick<StoredHead, 'freshness' | 'responseTimeMs'>, nowMs: number): string {
  return String(Math.floor(currentAgeMs(stored, nowMs) / 1000))
}
