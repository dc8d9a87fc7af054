/**
 * Batch calls stand below the path of a route that takes part in them.
 */
import { BATCH_PATH } from '../plugins/batch/index.ts'
import type { ServedRoute } from './serving.ts'

export function batchPathOf({ match }: ServedRoute): string {
  return match.path.replace(/\/$/, '') + BATCH_PATH
}
