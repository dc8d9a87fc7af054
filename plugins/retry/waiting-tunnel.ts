/**
 * A tunnel that waits for an origin which is away, in the same line as requests.
 */
import type { UpstreamFailure } from '../upstream/index.ts'
import { decidePark, isAway } from './rules/decide-park.ts'
import type { UpstreamState } from './upstream-state.ts'

/** True when the origin is to be tried again; false when the failure stands. */
export function waitForOrigin(state: UpstreamState, failure: UpstreamFailure, signal?: AbortSignal): Promise<boolean> {
  const { parking, holdMs, policy } = state
  const now = performance.now()
  const { kind, unsent } = failure
  if (isAway(kind)) parking.noteAway(failure, now)
  const waiting = { outageSinceMs: parking.sinceMs, parked: parking.size }
  const facts = { kind, unsent, isReplayable: true, hasStandIn: false, ...waiting }
  const decision = decidePark(facts, { holdMs, maxParked: policy.maxHeld }, now)
  if (!decision.park || signal?.aborted === true) return Promise.resolve(false)
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const parked = { onReachable: () => resolve(true), onExpired: () => resolve(false) }
  const leave = () => {
    parking.delete(parked)
    resolve(false)
  }
  parking.add(parked, decision.untilMs)
  signal?.addEventListener('abort', leave, { once: true })
  return promise.finally(() => signal?.removeEventListener('abort', leave))
}
