/**
 * The fields of a negotiated answer: what the coded form of a stored answer says of itself, and what every form of it has
 * to say (RFC 9110 §12.5.5: also the stored bytes were selected by Accept-Encoding). Pure.
 */

import { isNamed } from '../../contract/index.ts'
import { DECODED, tagForClient } from '../rules/entity-tag.ts'
import { listMembers, withoutFields } from '../rules/fields.ts'
import { PLAIN } from './coded-entry.ts'

/**
 * What is true of the stored bytes only: digests (RFC 9530 §2, §3) and, since ranges are cut from the stored bytes,
 * Accept-Ranges.
 */
const ofStoredBytes: ReadonlySet<string> = new Set([
  ...['content-length', 'content-md5', 'content-digest', 'repr-digest', 'digest', 'accept-ranges', 'etag'],
])

const ofEncodedBytes: ReadonlySet<string> = new Set([...ofStoredBytes, 'content-encoding'])

/** The tag of a form, where the stored bytes go out with `tag`. */
export function tagOfForm(tag: string, coding: string): string {
  return tagForClient(tag, coding === PLAIN ? DECODED : coding)
}

/** `tag` is the one that the stored bytes go out with, null for none. */
export function codedFields(stored: readonly string[], coding: string, tag: string | null): string[] {
  const fields = withVary(withoutFields(stored, coding === PLAIN ? ofEncodedBytes : ofStoredBytes))
  if (coding !== PLAIN) fields.push('Content-Encoding', coding)
  if (tag !== null) fields.push('ETag', tagOfForm(tag, coding))
  return fields
}

/** Adds Accept-Encoding to Vary, unless it stands there already. */
export function withVary(fields: readonly string[]): string[] {
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (!isNamed(fields[i]!, 'vary')) continue
    for (const member of listMembers(fields[i + 1]!)) {
      if (member === '*' || isNamed(member, 'accept-encoding')) return [...fields]
    }
  }
  return [...fields, 'Vary', 'Accept-Encoding']
}
