/**
 * Retry-After (RFC 9110 §10.2.3): seconds, or an HTTP-date. Taken for seconds and never for milliseconds (traps T5).
 */
import { parseHttpDate } from './http-date.ts'

/** Longest wait that is read from a field, in ms; more reads as this. */
const MAX_WAIT_MS = 86_400_000

/** Milliseconds to wait from `nowMs` (Unix time); null for a value that is neither form. A date in the past is 0. */
export function parseRetryAfter(value: string, nowMs: number): number | null {
  const text = value.trim()
  if (text === '') return null
  if (isDigits(text)) return Math.min(Number(text) * 1000, MAX_WAIT_MS)
  const dateMs = parseHttpDate(text)
  return dateMs === null ? null : Math.min(Math.max(0, dateMs - nowMs), MAX_WAIT_MS)
}

/** Of a raw head, flat `[name, value, …]`; null where it is absent, repeated or malformed. */
export function retryAfterOf(rawHeaders: readonly string[], nowMs: number): number | null {
  let found: string | null = null
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length !== 11 || name.toLowerCase() !== 'retry-after') continue
    if (found !== null) return null
    found = rawHeaders[i + 1] as string
  }
  return found === null ? null : parseRetryAfter(found, nowMs)
}

function isDigits(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x30 || code > 0x39) return false
  }
  return true
}
