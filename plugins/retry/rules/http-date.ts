/**
 * HTTP dates in their three forms (RFC 9110 §5.6.7), for Retry-After.
 */

const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']

/** Milliseconds since the epoch; null for what is no such date. */
export function parseHttpDate(text: string): number | null {
  const isShaped = days.includes(text.slice(0, 3).toLowerCase()) && (text.endsWith(' GMT') || text.length === 24)
  if (!isShaped) return null
  // asctime has no zone and means UTC; the runtime would take it for local time.
  const parsed = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`)
  return Number.isNaN(parsed) ? null : parsed
}
