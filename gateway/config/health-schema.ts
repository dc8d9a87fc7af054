/**
 * What the configuration says about origins that fail: the block `health` of a route.
 */
import { resolveOptions } from '../../plugins/contract/index.ts'
import { upstreamGroupSchema } from '../../plugins/upstream/options.ts'
import { block, duration, integer, switchable, text } from './kinds.ts'
import { formatDuration } from './units.ts'

const group = resolveOptions('upstream', upstreamGroupSchema, { origins: [{ url: 'builtin:demo' }] })
const HOUR = 3_600_000

const probe = block(
  'probe',
  {
    path: text('requestPath', { default: '/', description: 'Path that is asked for.', examples: ['/healthz'] }),
    interval: duration({ min: 1000, max: 24 * HOUR, default: '10s', description: 'Time between two probes.' }),
    status: integer({
      min: 100,
      max: 599,
      words: { any: null },
      default: 'any',
      description: 'The status that means well; `any` = from 200 to 399.',
    }),
  },
  { description: 'Ask the origins now and then whether they are well; `false` = do not.' },
)

export const healthBlock = block(
  'health',
  {
    eject_time: duration({
      min: 0,
      max: HOUR,
      words: { none: 0 },
      default: formatDuration(group.ejectTimeMs),
      description: 'An origin that refused a connection is left out for this time, never the last one; 0 = off.',
    }),
    hold: duration({
      min: 0,
      max: HOUR,
      words: { none: 0 },
      default: '8s',
      description:
        'How long after an outage began unsent requests wait for a refusing origin; an older outage fails at once.',
    }),
    probe: switchable(probe, null, { absent: null }),
  },
  { description: 'What happens when an origin fails; `false` = each request fails by itself.' },
)
