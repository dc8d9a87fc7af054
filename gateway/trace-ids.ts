/**
 * Ids for traces that begin here, out of entropy that is fetched for many at a time: bytes of one's own for each would cost
 * more than all else that is done about its trace.
 */
import { randomFillSync } from 'node:crypto'
import type { TraceIds } from './trace-context.ts'

const TRACE_BYTES = 16
const PARENT_BYTES = 8
const BOTH = TRACE_BYTES + PARENT_BYTES
/** Traces that one fetch lasts for. */
const TRACES = 170

const entropy = Buffer.alloc(TRACES * BOTH)
let used = entropy.length

export function newTraceIds(): TraceIds {
  if (used === entropy.length) {
    randomFillSync(entropy)
    used = 0
  }
  const digits = entropy.toString('hex', used, used + BOTH)
  used += BOTH
  return { traceId: digits.slice(0, 2 * TRACE_BYTES), parentId: digits.slice(2 * TRACE_BYTES) }
}
