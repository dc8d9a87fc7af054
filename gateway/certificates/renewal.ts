/**
 * When a certificate is got anew, when a failed attempt is made again, and when somebody has to be told. Pure: time and
 * chance are arguments.
 */

export interface Validity {
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** DNS names and addresses. */
  readonly names: readonly string[]
}

export type RenewalReason = 'missing' | 'names-changed' | 'expired' | 'due' | 'suggested'

export type RenewalDecision =
  | { readonly renew: true; readonly reason: RenewalReason }
  | { readonly renew: false; readonly reason: 'fresh' | 'waiting'; readonly atMs: number }

const DAY = 86_400_000
/** How long before its end a certificate that cannot be renewed is spoken of. */
export const WARN_MS = 14 * DAY
/** Renewals of several gateways are spread over this share of a lifetime, before the last third begins. */
const JITTER_SHARE = 0.05
/** First wait after a failure; public authorities count failed checks by the hour. */
export const RETRY_MS = 300_000
/** Longest wait by our own count; what the authority asks for may be longer. */
export const MAX_RETRY_MS = DAY
/** What an authority can ask for at most, so that a wrong field does not keep us away for ever. */
export const MAX_RETRY_AFTER_MS = 7 * DAY

export interface RenewalQuestion {
  /** What lies in the file; null where nothing usable does. */
  readonly current: Validity | null
  readonly wanted: readonly string[]
  readonly nowMs: number
  /** 0 to 1, the same for one certificate each time. */
  readonly jitter: number
  /** No attempt before this time, after a failure; 0 = none has failed. */
  readonly notBeforeMs: number
  /** When the authority would have it renewed (RFC 9773); null = it has not said. */
  readonly suggestedMs?: number | null
}

/** A third of the lifetime is left for attempts, whatever the lifetime is (90 days, 6 days). */
export function decideRenewal(question: RenewalQuestion): RenewalDecision {
  const { nowMs, notBeforeMs } = question
  const reason = reasonToRenew(question)
  if (typeof reason === 'number') return { renew: false, reason: 'fresh', atMs: reason }
  if (isToWait(notBeforeMs, nowMs)) return { renew: false, reason: 'waiting', atMs: notBeforeMs }
  return { renew: true, reason }
}

/** A time beyond every wait was noted by a clock that was wrong (a small computer without one of its own). */
function isToWait(notBeforeMs: number, nowMs: number): boolean {
  return nowMs < notBeforeMs && notBeforeMs - nowMs <= MAX_RETRY_AFTER_MS + DAY
}

/** The reason, or the time at which there will be one. */
function reasonToRenew({
  current,
  wanted,
  nowMs,
  jitter,
  suggestedMs = null,
}: RenewalQuestion): RenewalReason | number {
  if (current === null) return 'missing'
  if (wanted.some(name => !current.names.includes(name))) return 'names-changed'
  if (nowMs >= current.notAfterMs) return 'expired'
  if (suggestedMs !== null) return nowMs >= suggestedMs ? 'suggested' : suggestedMs
  const dueMs = renewalTime(current, jitter)
  return nowMs >= dueMs ? 'due' : dueMs
}

export function renewalTime({ notBeforeMs, notAfterMs }: Validity, jitter: number): number {
  const lifetime = notAfterMs - notBeforeMs
  return notAfterMs - lifetime / 3 - jitter * JITTER_SHARE * lifetime
}

/**
 * Wait after the `failures`-th failure in a row, in ms: doubled each time, a fifth to either side by chance, and never
 * shorter than what the authority asked for (RFC 8555 §6.6, RFC 9110 §10.2.3).
 */
export function retryDelay(failures: number, retryAfterMs: number | null, random: number): number {
  const doubled = Math.min(RETRY_MS * 2 ** Math.min(failures - 1, 20), MAX_RETRY_MS)
  const own = Math.round(doubled * (0.8 + 0.4 * random))
  return Math.max(own, Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS))
}

export type Alarm =
  | { readonly warn: false }
  | { readonly warn: true; readonly level: 'warn' | 'error'; readonly daysLeft: number }

/** Once a day while attempts fail and the end is near; short-lived certificates are near it from the first failure. */
export function decideAlarm(
  current: Validity | null,
  { failures, nowMs, toldMs }: { readonly failures: number; readonly nowMs: number; readonly toldMs: number },
): Alarm {
  if (current === null || failures === 0 || nowMs - toldMs < DAY) return { warn: false }
  const left = current.notAfterMs - nowMs
  if (left > WARN_MS) return { warn: false }
  return { warn: true, level: left <= 0 ? 'error' : 'warn', daysLeft: Math.max(0, Math.floor(left / DAY)) }
}

/**
 * Whether a certificate that renews itself should have been renewed by now, and one that does not has to be seen to:
 * 14 days before its end, of short-lived ones a quarter of their life.
 */
export function runsOutSoon({ notBeforeMs, notAfterMs }: Omit<Validity, 'names'>, nowMs: number): boolean {
  return notAfterMs - nowMs <= Math.min(WARN_MS, (notAfterMs - notBeforeMs) / 4)
}

/** Seconds or a date (RFC 9110 §10.2.3) as ms from now; null where it says nothing. */
export function readRetryAfter(field: unknown, nowMs: number): number | null {
  if (typeof field !== 'string') return null
  if (/^\d+$/.test(field.trim())) return Number(field) * 1000
  const date = Date.parse(field)
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs)
}
