/**
 * How the origin failed, in the words of the rules for stale answers (RFC 5861 §4).
 */
import { isUpstreamFailure } from '../../upstream/index.ts'
import type { OriginFailure } from '../rules/reuse.ts'

const cuts = new Set(['incomplete', 'invalid', 'headTooLarge', 'reset'])
const delays = new Set(['headTimeout', 'bodyTimeout', 'connectTimeout', 'queueTimeout'])
const refusals = new Set(['noOrigin', 'full'])

export function failureOf(error: Error): OriginFailure {
  if (!isUpstreamFailure(error)) return 'cut'
  if (cuts.has(error.kind)) return 'cut'
  if (delays.has(error.kind)) return 'timeout'
  return refusals.has(error.kind) ? 'circuit-open' : 'connect'
}
