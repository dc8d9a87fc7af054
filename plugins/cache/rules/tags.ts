/**
 * The labels by which an origin names what belongs together for purging: Surrogate-Key (parted by blanks) and Cache-Tag
 * (parted by commas).
 */
import { isNamed } from '../../contract/index.ts'

/** An answer with more is not stored: it could not be purged by all of them. */
export const MOST_TAGS = 128
export const LONGEST_TAG = 128

/** Tags in order of appearance, each once, at most one more than `MOST_TAGS`; what is too long or holds anything but printable ASCII is left out. */
export function readTags(headers: readonly string[]): string[] {
  const tags = new Set<string>()
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (isNamed(headers[i]!, 'surrogate-key')) addTags(tags, headers[i + 1]!, ' ')
    else if (isNamed(headers[i]!, 'cache-tag')) addTags(tags, headers[i + 1]!, ',')
  }
  return [...tags]
}

function addTags(tags: Set<string>, value: string, separator: string): void {
  for (let at = 0; at < value.length && tags.size <= MOST_TAGS; ) {
    const next = value.indexOf(separator, at)
    const end = next === -1 ? value.length : next
    const tag = value.slice(at, end).trim()
    if (isTag(tag)) tags.add(tag)
    at = end + 1
  }
}

/** True for what an origin can have sent as a tag: worth looking up in a purge. */
export function isTag(text: string): boolean {
  if (text.length === 0 || text.length > LONGEST_TAG) return false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code <= 0x20 || code > 0x7e) return false
  }
  return true
}
