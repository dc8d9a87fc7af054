/**
 * What the configuration says about the tuner: the block `tuner` of a route.
 */
import { KNOB_GROUPS, MODES } from '../../plugins/tuner/options.ts'
import { block, duration, word } from './kinds.ts'
import { MAX_DURATION_MS } from './units.ts'

const ownMode = word([...MODES], { absent: null, description: 'Mode of this knob.' })

/** The block `tuner` of a route. */
export const tunerBlock = block(
  'tuner',
  {
    mode: word([...MODES], {
      default: 'apply',
      description:
        'off, observe (measure only), suggest (say what it would do) or apply. Risky knobs (pool, timeout, cache_ttl) stay on suggest.',
    }),
    policy: word(['measured', 'rules'], {
      default: 'measured',
      description:
        'measured; or rules: the fixed thresholds of the first sketch, for comparison only. In force where all routes say rules.',
    }),
    interval: duration({
      min: 1000,
      max: MAX_DURATION_MS,
      default: '300s',
      description: 'Time between two decisions of policy rules; measured looks each second.',
    }),
    knobs: block('knobs', Object.fromEntries(KNOB_GROUPS.map(name => [name, ownMode])), {
      description: 'A mode of its own for a knob.',
    }),
  },
  { description: 'Automatic tuning; `{ mode: off }` = off.' },
)
