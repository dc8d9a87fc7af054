/**
 * Which answers of a route are compared with each other in time: a page with pages, a picture with pictures, by media
 * type and by the first segment of the path. Without this, a change in what is asked for would look like a change in the
 * speed of the origin.
 */
import { contentTypeOf } from '../../contract/index.ts'

const TYPES = 6
const PATHS = 8

/** Kinds are whole numbers from 0 to one below this. */
export const ANSWER_KINDS = TYPES * PATHS

/** @param mediaType of the answer, as it came; null = none */
export function answerKind(mediaType: string | null, target: string): number {
  return typeOf(mediaType) * PATHS + (hashOfFirstSegment(target) % PATHS)
}

function typeOf(mediaType: string | null): number {
  if (mediaType === null) return 0
  if (mediaType.startsWith('text/html')) return 1
  if (mediaType.startsWith('image/')) return 2
  if (mediaType.startsWith('application/json')) return 3
  return mediaType.startsWith('text/') ? 4 : 5
}

function hashOfFirstSegment(target: string): number {
  let hash = 0
  for (let i = 1; i < target.length; i++) {
    const code = target.charCodeAt(i)
    if (code === 47 || code === 63) break
    hash = (hash * 31 + code) | 0
  }
  return hash >>> 0
}

/** The media type of an answer, or null; @param rawHeaders flat `[name, value, …]` */
export function mediaTypeOf(rawHeaders: readonly string[]): string | null {
  return contentTypeOf(rawHeaders)?.toLowerCase() ?? null
}
