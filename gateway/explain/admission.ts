/**
 * What `explain` says about a place at the origins: the limit, who else it is shared with, and how urgent this request is
 * among those that wait.
 */
import { urgencyOf } from '../../plugins/admission/index.ts'
import { formatDuration } from '../config/units.ts'
import type { ServedRoute, Serving } from '../serving.ts'
import type { AdmissionDecision } from './types.ts'

/** @param headers flat, as they go to the origin */
export function explainAdmission(serving: Serving, route: ServedRoute, headers: readonly string[]): AdmissionDecision {
  const { admission } = route
  const off = { sharedWith: [], priority: null, urgency: null, queue: null }
  if (admission === false) return { state: 'off', limit: 'none: admission is switched off', ...off }
  const { maxConcurrency, priority, queue, queueTimeoutMs, waitGoalMs } = admission
  if (maxConcurrency === 'none') return { state: 'off', limit: 'none (max_concurrency)', ...off }
  const wait = `${queue} may wait, ${formatDuration(queueTimeoutMs)} at most, ${formatDuration(waitGoalMs)} while overloaded`
  return {
    state: 'on',
    limit: limitText(maxConcurrency, serving, route),
    sharedWith: sharers(serving, route),
    priority,
    urgency: urgencyOf(headers),
    queue: wait,
  }
}

function limitText(limit: number | 'auto', serving: Serving, { name }: ServedRoute): string {
  if (limit !== 'auto') return `${limit} at once (max_concurrency)`
  return `auto: found by measuring, at most ${serving.admission[name]?.maxLimit} at once`
}

/** Other routes to the same origins, which have the limit in common with it. */
function sharers(serving: Serving, route: ServedRoute): string[] {
  const key = originsOf(serving, route.name)
  return Object.keys(serving.upstreams).filter(
    name =>
      name !== route.name && serving.admission[name]?.maxConcurrency !== 'none' && originsOf(serving, name) === key,
  )
}

function originsOf({ upstreams }: Serving, name: string): string {
  const urls = upstreams[name]?.origins.map(({ url }) => url) ?? []
  return [...new Set(urls)].toSorted().join(' ')
}
