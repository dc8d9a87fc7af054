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

/** Clocks of gateways that share a store may differ by so much. */
export const MOST_SKEW_MS = 10_000

/**
 * current_age in milliseconds. What is to arrive only later was stored by a clock that was ahead (a machine without a
 * battery for its clock, before NTP has set it): how old it is nobody knows, and so it is not fresh any more.
 */
export function currentAgeMs({ freshness, responseTimeMs }: Aging, nowMs: number): number {
  const residentMs = nowMs - responseTimeMs
  if (residentMs < -MOST_SKEW_MS) return Math.max(freshness.initialAgeMs, freshness.lifetimeMs)
  return freshness.initialAgeMs + Math.max(0, residentMs)
}

type Aging = Pick<StoredHead, 'freshness' | 'responseTimeMs'>

/** The value of Age for a stored answer that is sent now. */
export function ageField(stored: Aging, nowMs: number): string {
  return String(Math.floor(currentAgeMs(stored, nowMs) / 1000))
}
