/**
 * Whether coded forms of a stored answer are made, and when: pure, each refusal with its word.
 */
import type { CachedHead } from '../passage.ts'
import { readAnswerFacts } from '../rules/answer-facts.ts'
import { hasMember } from '../rules/directives.ts'
import { joinedValue } from '../rules/fields.ts'
import type { VariantCodec } from './codec.ts'

/** Longest body that is encoded: brotli takes about two seconds for a MiB at its best. */
export const MOST_BODY_BYTES = 4 * 1024 * 1024
/** An answer that stays fresh for so long is worth it when it is stored. */
export const LONG_FRESH_MS = 60_000
/** One that was asked for so often is, too. */
export const WORTH_USES = 2
/** An answer that the store forgets sooner is not. */
export const LEAST_LIFE_MS = 10_000

export type CodedRefusal = 'status' | 'partial' | 'coded' | 'no-transform' | 'empty' | 'too-large'

export type MayCodeDecision = { readonly may: true } | { readonly may: false; readonly reason: string }

/** Whether the answer may be sent in a coding that its origin did not make. */
export function decideMayCode(
  head: CachedHead,
  bodyLength: number,
  codec: Pick<VariantCodec, 'mayEncode'>,
  route: string,
): MayCodeDecision {
  const refusal = refuse(head, bodyLength)
  if (refusal !== null) return { may: false, reason: refusal }
  const decision = codec.mayEncode({ status: head.status, fields: head.headers, length: bodyLength }, route)
  return decision.encode ? { may: true } : { may: false, reason: decision.reason }
}

function refuse(head: CachedHead, bodyLength: number): CodedRefusal | null {
  if (head.isPartial !== null) return 'partial'
  if (head.status !== 200) return 'status'
  if (bodyLength === 0) return 'empty'
  if (readAnswerFacts(head.headers, 0).contentEncoding !== null) return 'coded'
  // RFC 9111 §5.2.2.6; a field for caches alone (RFC 9213) takes nothing of it back.
  return hasMember(joinedValue(head.headers, 'cache-control') ?? '', 'no-transform') ? 'no-transform' : null
}

export interface WorthFacts {
  readonly bodyLength: number
  /** Times that it was asked for, the first included. */
  readonly uses: number
  /** Freshness that is left. */
  readonly freshForMs: number
  /** Until the store forgets it. */
  readonly keptForMs: number
}

export type WorthDecision =
  | { readonly worth: true; readonly reason: 'fresh-for-long' | 'asked-again' }
  | { readonly worth: false; readonly reason: 'too-large' | 'expires-soon' | 'asked-once' }

/** Whether the time of the encoder is well spent on it, now. */
export function decideWorth({ bodyLength, uses, freshForMs, keptForMs }: WorthFacts): WorthDecision {
  if (bodyLength > MOST_BODY_BYTES) return { worth: false, reason: 'too-large' }
  if (keptForMs < LEAST_LIFE_MS) return { worth: false, reason: 'expires-soon' }
  if (uses >= WORTH_USES) return { worth: true, reason: 'asked-again' }
  return freshForMs >= LONG_FRESH_MS
    ? { worth: true, reason: 'fresh-for-long' }
    : { worth: false, reason: 'asked-once' }
}

/** A form has to save so much of the body to be kept. */
const LEAST_GAIN = 0.02

export function isSmaller(coded: number, bodyLength: number): boolean {
  return coded < bodyLength * (1 - LEAST_GAIN)
}

export interface LoadSample {
  /** How late the timer of the sample was, ms. */
  readonly lateMs: number
  /** Share of the time in which the event loop was at work. */
  readonly loopShare: number
  /** CPU time of the whole process by the time that all cores had. */
  readonly cpuShare: number
}

/** A loop that is later than this keeps somebody waiting. */
const IDLE_LATE_MS = 25
const IDLE_LOOP_SHARE = 0.5
const IDLE_CPU_SHARE = 0.6

export function isIdle({ lateMs, loopShare, cpuShare }: LoadSample): boolean {
  return lateMs < IDLE_LATE_MS && loopShare < IDLE_LOOP_SHARE && cpuShare < IDLE_CPU_SHARE
}
