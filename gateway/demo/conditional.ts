/**
 * Entity tags against the conditional fields of a request (RFC 9110 §13.1), for tags without commas, as ours are.
 */

/**
 * Whether If-None-Match names the tag: weak comparison, `*` names any (RFC 9110 §13.1.2).
 * @param field the field as received, several lines joined by commas.
 */
export function matchesEntityTag(field: string | undefined, etag: string): boolean {
  if (field === undefined) return false
  return field.split(',').some(item => {
    const tag = item.trim()
    return tag === '*' || (tag.startsWith('W/') ? tag.slice(2) : tag) === etag
  })
}

/**
 * Whether a Range may be obeyed: no If-Range, the same strong tag, or exactly the Last-Modified date that we send
 * (RFC 9110 §13.1.5: strong comparison, a weak tag never matches).
 */
export function allowsRange(field: string | undefined, etag: string, lastModified: string): boolean {
  return field === undefined || field === etag || field === lastModified
}
