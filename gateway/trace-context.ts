/**
 * What becomes of the trace context of a request (W3C Trace Context): a valid one goes on as it came; one that nobody could
 * read is replaced, since the apps behind would each begin a trace of their own. Pure.
 */

/** `pass`: none is begun here; `make`: one is begun where there is none; `off`: fields like all others. */
export type ContextMode = 'pass' | 'make' | 'off'

export type TraceDecision =
  | { readonly replace: false; readonly reason: 'off' | 'valid' | 'none' }
  | { readonly replace: true; readonly reason: 'invalid' | 'begun'; readonly traceparent: string }

/** §3.2.2: version, trace id, parent id, flags; what later versions add comes behind another dash. */
const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/

/** §3.2.2.1 and §3.2.2.3: version ff and ids of zeros are none, and version 00 has nothing behind its flags. */
export function isTraceparent(text: string): boolean {
  const [, version, traceId = '', parentId = '', more] = form.exec(text) ?? []
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return false
  return /[^0]/.test(traceId) && /[^0]/.test(parentId)
}

/**
 * `given` is the field as Node tells it: several lines joined, which no parent can be (§3.2). Without sampling here
 * a trace that is begun says that nobody records it (§3.2.2.5).
 */
export function decideTrace(given: string | undefined, mode: ContextMode, newIds: () => TraceIds): TraceDecision {
  if (mode === 'off') return { replace: false, reason: 'off' }
  if (given === undefined && mode === 'pass') return { replace: false, reason: 'none' }
  if (given !== undefined && isTraceparent(given)) return { replace: false, reason: 'valid' }
  const { traceId, parentId } = newIds()
  const reason = given === undefined ? 'begun' : 'invalid'
  return { replace: true, reason, traceparent: `00-${traceId}-${parentId}-00` }
}

export interface TraceIds {
  /** 32 and 16 hexadecimal digits, not all zero. */
  readonly traceId: string
  readonly parentId: string
}
