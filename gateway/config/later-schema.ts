/**
 * The blocks of a route whose capabilities are built after the proxy itself (`planned.ts` says which have no effect
 * yet). They are read and checked like all others, so that a file need not change when they come.
 */
import { block, duration, flag, integer, type Kind, list, map, ratio, switchable, word } from './kinds.ts'
import { MAX_DURATION_MS } from './units.ts'

const MODES = ['off', 'observe', 'suggest', 'apply']
const enabled = flag({ default: true, description: 'False is the same as `false` in place of the block.' })

const retry = block(
  'retry',
  {
    enabled,
    statuses: list(integer({ min: 400, max: 599, description: 'A status of the origin.' }), {
      default: [502, 503, 504],
      description: 'Answers that are tried again before the first byte of the body.',
    }),
    methods: list(word(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'], { description: 'An idempotent method.' }), {
      default: ['GET', 'HEAD', 'OPTIONS'],
      description: 'Methods that may be tried again after they were sent.',
    }),
    budget: ratio({ default: '20%', description: 'Most retries, as a share of the running requests.' }),
    hedge: duration({
      min: 1,
      max: 60_000,
      words: { off: 'off', auto: 'auto' },
      default: 'auto',
      description:
        'Second attempt for slow safe requests: off, auto (where an upstream has several origins), or after this time.',
    }),
  },
  { description: 'Further attempts after a failure; `false` = off.' },
)

const tuner = block(
  'tuner',
  {
    mode: word(MODES, {
      default: 'apply',
      description: 'off, observe (measure only), suggest (say what it would do) or apply. Risky knobs stay on suggest.',
    }),
    interval: duration({
      min: 1000,
      max: MAX_DURATION_MS,
      default: '300s',
      description: 'Time between two decisions.',
    }),
    knobs: map(word(MODES, { description: 'Mode of this knob.' }), {
      names: 'name',
      default: {},
      description: 'A mode of its own for a knob, by name.',
    }),
  },
  { description: 'Automatic tuning; `{ mode: off }` = off.' },
)

export const laterBlocks: Readonly<Record<string, Kind>> = {
  retry: switchable(retry, false),
  tuner: switchable(tuner, { mode: 'off' }),
}
