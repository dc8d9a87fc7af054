/**
 * The request of a client in the form that fills the store: without its conditions and range, with the validators of what
 * is stored (RFC 9111 §4.3.1). The client's own request is never changed.
 */
import type { ExchangeRequest } from '../../upstream/index.ts'
import { withoutFields } from '../rules/fields.ts'
import type { RequestFacts } from '../rules/request-facts.ts'
import type { StoredHead } from '../rules/types.ts'
import { conditionalFields } from '../rules/validation.ts'

const ownConditions: ReadonlySet<string> = new Set([
  ...['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range', 'range'],
])

/** Asks for the whole answer, whatever the client knows of it. */
export function wholeRequest(request: ExchangeRequest): ExchangeRequest {
  return { ...request, method: 'GET', headers: withoutFields(request.headers, ownConditions) }
}

/** Asks whether what is stored still holds. */
export function conditionalRequest(request: ExchangeRequest, stored: StoredHead): ExchangeRequest {
  const whole = wholeRequest(request)
  return { ...whole, headers: [...whole.headers, ...conditionalFields(stored)] }
}

/** Whether the request wants something else than the whole answer. */
export function isSelective(facts: RequestFacts): boolean {
  return facts.range !== null || facts.ifNoneMatch !== null || facts.ifModifiedSince !== null
}

/** The facts of the request as `wholeRequest` sends it. */
export function wholeFacts(facts: RequestFacts): RequestFacts {
  return { ...facts, range: null, ifRange: null, ifNoneMatch: null, ifModifiedSince: null }
}

/** It has a validator to ask with. */
export function isAskable(head: StoredHead): boolean {
  return head.etag !== null || head.lastModified !== null
}
