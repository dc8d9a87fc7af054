/**
 * The Cache-Status field (RFC 9211): what the cache did with a request, in words that its other signals use as well. The
 * key is never told.
 */
import { isToken } from './fields.ts'
import type { ReuseReason } from './reuse.ts'

/** Why a request went on to the origin (RFC 9211 §2.2). */
export type ForwardReason = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'miss' | 'request' | 'stale' | 'partial'

export interface CacheStatus {
  /** Answered from the store without the origin. */
  readonly hit?: boolean
  readonly forward?: ForwardReason
  /** The origin's status where it differs from the one the client gets. */
  readonly forwardStatus?: number
  /** Freshness lifetime that is left; negative when stale. */
  readonly ttlMs?: number
  readonly stored?: boolean
  readonly collapsed?: boolean
  /** A fixed word, never anything from the wire. */
  readonly detail?: string
}

const forwards: Readonly<Record<ReuseReason, ForwardReason>> = {
  absent: 'uri-miss',
  fresh: 'request',
  method: 'method',
  'request-body': 'bypass',
  authorization: 'bypass',
  'cookie-unmarked': 'request',
  'no-cache': 'stale',
  'request-no-cache': 'request',
  'request-max-age': 'request',
  'request-min-fresh': 'request',
  'request-max-stale': 'stale',
  'must-revalidate': 'stale',
  'stale-while-revalidate': 'stale',
  stale: 'stale',
}

/** The word for a request that went on; `hasVariants` when others of the same key are stored. */
export function forwardReason(reason: ReuseReason, hasVariants: boolean): ForwardReason {
  return reason === 'absent' && hasVariants ? 'vary-miss' : forwards[reason]
}

/** `hearthgate; hit; ttl=30`; `name` is a token. */
export function formatCacheStatus(name: string, status: CacheStatus): string {
  let text = name
  if (status.hit === true) text += '; hit'
  else if (status.forward !== undefined) text += `; fwd=${status.forward}`
  if (status.hit !== true && status.forwardStatus !== undefined) text += `; fwd-status=${status.forwardStatus}`
  if (status.ttlMs !== undefined) text += `; ttl=${wholeSeconds(status.ttlMs)}`
  if (status.stored === true) text += '; stored'
  if (status.collapsed === true) text += '; collapsed'
  if (status.detail !== undefined) text += `; detail=${asItem(status.detail)}`
  return text
}

/** A structured integer has at most 15 digits; -0 is none. */
function wholeSeconds(ms: number): number {
  return Math.max(-999_999_999_999_999, Math.min(999_999_999_999_999, Math.floor(ms / 1000))) + 0
}

/** RFC 8941 §3.3.4 and §3.3.3: a token where the word can be one, else a string of printable ASCII. */
function asItem(detail: string): string {
  const first = detail.charCodeAt(0) | 0x20
  if (isToken(detail) && first >= 0x61 && first <= 0x7a) return detail
  let text = ''
  for (const char of detail) {
    if (char >= ' ' && char <= '~') text += char === '"' || char === '\\' ? `\\${char}` : char
  }
  return `"${text}"`
}

/** RFC 9211 §2: the cache nearest to the origin stands first. */
export function appendCacheStatus(before: string | null, own: string): string {
  return before === null || before.trim() === '' ? own : `${before}, ${own}`
}
