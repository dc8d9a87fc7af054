/**
 * Whether an error is one that its origin wants to be kept: it carries a lifetime or the date of its last change
 * (RFC 9111 §4.2, RFC 9110 §8.8.2), as no failure of the moment does. Asking again would only get it again.
 */

const lifetime = /(?:^|[\s,])(?:s-maxage|max-age)\s*=\s*"?[1-9]/i

/** Flat `[name, value, …]` as it came. An entity tag alone says nothing: frameworks put one on every answer. */
export function isMeantToLast(rawHeaders: readonly string[]): boolean {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase()
    if (name === 'last-modified') return true
    if (name === 'cache-control' && lifetime.test(rawHeaders[i + 1] as string)) return true
  }
  return false
}
