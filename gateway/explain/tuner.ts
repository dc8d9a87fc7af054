/**
 * What `explain` says about the tuner: how free it is on this route, where each knob stands beside the configuration, and
 * the last decision about it. What a running tuner or its ledger says comes from outside; nothing is read here.
 */
import { tellRoute } from '../../plugins/tuner/index.ts'
import type { Serving } from '../serving.ts'
import type { TunerDecision, TunerKnowledge } from './types.ts'

export function explainTuner({ tuner }: Serving, route: string, known: TunerKnowledge | null): TunerDecision {
  const { mode = 'off', knobs: ownModes = {} } = tuner.routes[route] ?? {}
  const policy = tuner.policy
  const isOff = mode === 'off'
  if (known === null || isOff)
    return {
      mode,
      ownModes: ownModes as TunerDecision['ownModes'],
      policy,
      source: isOff ? 'off' : 'nothing yet',
      at: null,
      knobs: [],
    }
  const { source, at, ...facts } = known
  return {
    mode,
    ownModes: ownModes as TunerDecision['ownModes'],
    policy,
    source,
    at,
    knobs: tellRoute(facts, route),
  }
}
