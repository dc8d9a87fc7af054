/**
 * Max-Forwards of OPTIONS (RFC 9110 §7.6.2): at 0 the gateway is who answers, else it goes on by one less. TRACE, the other
 * method that it is meant for, is never passed on.
 */

import { ALLOWED_METHODS } from './allowed-methods.ts'

export type ForwardsDecision =
  | { readonly kind: 'pass' }
  | { readonly kind: 'answer'; readonly allow: string }
  /** `value` takes the place of what came. */
  | { readonly kind: 'count'; readonly value: string }

/** `value` is the field as it came, several lines joined; what is no number means nothing. */
export function decideForwards(method: string, value: string | undefined): ForwardsDecision {
  if (value === undefined || method !== 'OPTIONS' || !/^[0-9]{1,15}$/.test(value)) return { kind: 'pass' }
  const left = Number(value)
  return left === 0 ? { kind: 'answer', allow: ALLOWED_METHODS } : { kind: 'count', value: String(left - 1) }
}

/** In both views of the head, in place. */
export function writeForwards(rawHeaders: string[], headers: Record<string, unknown>, value: string): void {
  headers['max-forwards'] = value
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (rawHeaders[i]?.toLowerCase() === 'max-forwards') rawHeaders[i + 1] = value
}
