/**
 * Tags that the gateway made for answers without one are no business of the app's: it compares them with nothing, and some
 * (the REST handlers of Cowboy, as in RabbitMQ) answer 412 to any tag of what has none. Whether a client has the bytes
 * already is decided here, on the answer (RFC 9110 §13.1.2).
 */
import { isNamed } from '../../contract/index.ts'
import type { ExchangeRequest } from '../../upstream/index.ts'

import { isBodyTag } from './body-tag.ts'

/**
 * The request without such tags in If-None-Match; the same where there are none. An app's own tag of this form is taken off as
 * well: its answer is then whole, and compared here.
 */
export function withoutOwnTags(request: ExchangeRequest): ExchangeRequest {
  const { headers } = request
  for (let i = 0; i < headers.length; i += 2) {
    if (isNamed(headers[i] as string, 'if-none-match')) return { ...request, headers: freed(headers) }
  }
  return request
}

function freed(headers: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const [name, value] = [headers[i] as string, headers[i + 1] as string]
    const rest = isNamed(name, 'if-none-match') ? tagsOfOthers(value) : value
    if (rest !== null) kept.push(name, rest)
  }
  return kept
}

/** A list that is only of ours is null; one that cannot be taken apart with certainty stays. */
function tagsOfOthers(value: string): string | null {
  const tags = value.split(',').map(tag => tag.trim())
  const others = tags.filter(tag => !isBodyTag(tag))
  if (others.length === tags.length) return value
  return others.length === 0 ? null : others.join(', ')
}
