/**
 * Whether a request that could not be sent waits for its origin: one that refuses connections is most often a container
 * that restarts. Counted from the start of the outage, so that an app that is gone for good costs nobody a wait.
 */
import type { UpstreamFailure } from '../../upstream/index.ts'

export type ParkDecision =
  | { readonly park: true; readonly untilMs: number }
  | { readonly park: false; readonly reason: 'off' | 'sent' | 'kind' | 'body' | 'stand-in' | 'outage-too-old' | 'full' }

export interface Unsent {
  readonly kind: UpstreamFailure['kind']
  readonly unsent: boolean
  readonly isReplayable: boolean
  /** A stale answer may be given in place of a wait. */
  readonly hasStandIn: boolean
  readonly outageSinceMs: number
  /** Requests that wait already. */
  readonly parked: number
}

export interface ParkRules {
  /** Counted from the start of the outage; 0 = off. */
  readonly holdMs: number
  readonly maxParked: number
}

/** A restart looks like one of these: nothing listens, the name is gone with the container, the host does not answer. */
const away: ReadonlySet<string> = new Set(['refused', 'dns', 'unreachable', 'connectTimeout'])

export function isAway(kind: UpstreamFailure['kind']): boolean {
  return away.has(kind)
}

export function decidePark(request: Unsent, rules: ParkRules, nowMs: number): ParkDecision {
  if (rules.holdMs === 0) return refuse('off')
  if (!request.unsent) return refuse('sent')
  if (!isAway(request.kind)) return refuse('kind')
  if (!request.isReplayable) return refuse('body')
  if (request.hasStandIn) return refuse('stand-in')
  const untilMs = request.outageSinceMs + rules.holdMs
  if (nowMs >= untilMs) return refuse('outage-too-old')
  if (request.parked >= rules.maxParked) return refuse('full')
  return { park: true, untilMs }
}

function refuse(reason: Exclude<ParkDecision, { park: true }>['reason']): ParkDecision {
  return { park: false, reason }
}

/** Longest time between two looks at an origin that is away, while somebody waits. */
export const PROBE_MS = 250
const FIRST_PROBE_MS = 25
/** Without anybody waiting the origin is looked at less and less often, down to this. */
export const IDLE_PROBE_MS = 5_000

/**
 * Time to the next look: short at first, since most restarts are, then one in `PROBE_MS`. A look is a connection that is
 * opened and kept.
 */
export function nextProbeMs(outageAgeMs: number, isAwaited: boolean): number {
  const limit = isAwaited ? PROBE_MS : IDLE_PROBE_MS
  return Math.min(limit, Math.max(FIRST_PROBE_MS, outageAgeMs / 2))
}
