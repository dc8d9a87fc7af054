/**
 * What `explain` says about batch calls: whether the route takes part in them, and where they are sent.
 */
import { batchPathOf } from '../batch-path.ts'
import type { ServedRoute } from '../serving.ts'
import type { BatchDecision } from './types.ts'

export function explainBatch(route: ServedRoute): BatchDecision {
  if (!route.batch) {
    return { state: 'off', path: null, batchSize: null, maxConcurrent: null, reason: 'off (batch is not true)' }
  }
  const { batchSize, maxConcurrent } = route.requestOptimization
  const path = batchPathOf(route)
  const reason = `POST ${path}: up to ${batchSize} requests in one call, ${maxConcurrent} at once`
  return { state: 'on', path, batchSize, maxConcurrent, reason }
}
