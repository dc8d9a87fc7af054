/**
 * How a media type is written in the configuration.
 */
import type { TextReading } from './text-reading.ts'

const MEDIA_TYPE = /^[a-z0-9!#$&^_.+-]+\/(?:[a-z0-9!#$&^_.+-]+|\*)$/

/** `application/x-index`, or `image/*` for all of a kind; without parameters (RFC 9110 §8.3.1). */
export function mediaType(text: string): TextReading {
  const lower = text.trim().toLowerCase()
  if (MEDIA_TYPE.test(lower)) return { ok: true, value: lower }
  return { ok: false, problem: 'expected a media type as "text/html" or "image/*"' }
}
