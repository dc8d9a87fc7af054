/**
 * Whether a request is one too many, and what its client is told: Retry-After (RFC 9110 §10.2.3) and the RateLimit fields
 * (draft-ietf-httpapi-ratelimit-headers). Pure.
 */
import type { RateLimit } from './options.ts'

/** What a counter says after it has counted a request. */
export interface Counted {
  /** The request is beyond the limit. */
  readonly isExceeded: boolean
  /** Time to the end of the window, ms. */
  readonly ttl: number
}

export type RateDecision =
  | { readonly pass: true; readonly reason: 'within' }
  | {
      readonly pass: false
      readonly reason: 'exceeded'
      /** Seconds. */
      readonly retryAfter: number
      /** Fields of the answer beside Retry-After, by lower-case name. */
      readonly fields: Readonly<Record<string, string>>
    }

const WITHIN: RateDecision = { pass: true, reason: 'within' }

/**
 * @param own what this process has counted
 * @param shared what all servers have counted together; null = nobody could tell
 */
export function decideRate(limit: RateLimit, own: Counted, shared: Counted | null): RateDecision {
  if (own.isExceeded) return refusal(limit, own)
  return shared?.isExceeded === true ? refusal(limit, shared) : WITHIN
}

function refusal({ by, requests, windowMs }: RateLimit, { ttl }: Counted): RateDecision {
  // A window that ends now, or a key without an end, is no reason to come again at once.
  const seconds = Math.max(1, Math.ceil(Math.min(ttl, windowMs) / 1000))
  const policy = `"${by}";q=${requests};w=${Math.ceil(windowMs / 1000)}`
  const fields = { 'ratelimit-policy': policy, ratelimit: `"${by}";r=0;t=${seconds}` }
  return { pass: false, reason: 'exceeded', retryAfter: seconds, fields }
}
