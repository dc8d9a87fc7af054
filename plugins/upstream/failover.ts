/**
 * Whether a failed attempt may be sent again without asking anyone: only what is proven unsent, or a safe request that
 * met a kept connection just as the origin closed it (RFC 9110 §9.2.2, RFC 9112 §9.3.1). Everything else is policy and
 * belongs to the retry plugin.
 */
import type { FailureKind } from './errors.ts'

/** Most attempts of one request that met closing connections before a new connection is insisted on. */
export const MAX_STALE_RESENDS = 2

export interface FailedAttempt {
  readonly kind: FailureKind
  readonly unsent: boolean
  /** The connection had served before, and no byte of an answer came. */
  readonly onKeptConnection: boolean
  readonly method: string
  readonly hasBody: boolean
  /** Stale connections this request has met so far. */
  readonly staleResends: number
  /** Origins of the group that this request has not tried. */
  readonly untriedOrigins: number
}

export type ResendDecision =
  | { readonly resend: 'other-origin' | 'new-connection'; readonly reason: 'unsent' | 'kept-connection-closed' }
  | { readonly resend: false; readonly reason: 'sent' | 'not-safe' | 'no-origin-left' | 'given-up' }

const connectFailures: ReadonlySet<FailureKind> = new Set([
  'dns',
  'refused',
  'unreachable',
  'connectTimeout',
  'certificate',
  'tls',
])

export function decideResend(attempt: FailedAttempt): ResendDecision {
  if (attempt.kind === 'aborted') return { resend: false, reason: 'given-up' }
  if (connectFailures.has(attempt.kind) || attempt.kind === 'full') {
    if (attempt.untriedOrigins > 0) return { resend: 'other-origin', reason: 'unsent' }
    return { resend: false, reason: 'no-origin-left' }
  }
  if (attempt.kind !== 'reset') return { resend: false, reason: 'sent' }
  if (attempt.unsent && attempt.staleResends < MAX_STALE_RESENDS) {
    return { resend: 'new-connection', reason: 'unsent' }
  }
  if (!attempt.onKeptConnection || attempt.staleResends >= MAX_STALE_RESENDS) {
    return { resend: false, reason: 'sent' }
  }
  if (!mayMeetClosing(attempt.method, attempt.hasBody)) return { resend: false, reason: 'not-safe' }
  return { resend: 'new-connection', reason: 'kept-connection-closed' }
}

/** Whether a request is sent again when its kept connection closes on it: safe (RFC 9110 §9.2.1) and without a body. */
export function mayMeetClosing(method: string, hasBody: boolean): boolean {
  return !hasBody && (method === 'GET' || method === 'HEAD' || method === 'OPTIONS')
}
