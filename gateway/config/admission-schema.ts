/**
 * What the configuration says about admission: the block `admission` of a route. Defaults are those of the plugin.
 */

import { laneOptionsSchema, QUEUE_ORDERS } from '../../plugins/admission/options.ts'
import { resolveOptions } from '../../plugins/contract/index.ts'
import { block, duration, flag, integer, type Kind, rate, word } from './kinds.ts'
import { formatDuration } from './units.ts'

const lane = resolveOptions('admission', laneOptionsSchema, {})
const LONGEST_WAIT_MS = 600_000

/** The block `admission` of a route. */
export const admissionBlock = block(
  'admission',
  {
    enabled: flag({ default: true, description: 'False is the same as `false` in place of the block.' }),
    max_concurrency: integer({
      min: 1,
      max: 65535,
      words: { auto: 'auto', none: 'none' },
      default: lane.maxConcurrency,
      description:
        'Requests that run at once at the origins: a number, auto (found by measuring, at most `max_size` connections) or none. Routes with the same origins share one limit.',
    }),
    queue: integer({
      min: 0,
      max: 65535,
      default: lane.queue,
      description: 'Requests that may wait for a place; 503 beyond.',
    }),
    queue_timeout: duration({
      min: 1,
      max: LONGEST_WAIT_MS,
      default: formatDuration(lane.queueTimeoutMs),
      description: 'Longest wait for a place; 503 after it, or at once where the wait would be longer.',
    }),
    queue_order: word([...QUEUE_ORDERS], {
      default: lane.queueOrder,
      description: 'Which request of a client goes first: fifo, newest_first, or adaptive (newest while overloaded).',
    }),
    wait_goal: duration({
      min: 1,
      max: LONGEST_WAIT_MS,
      default: formatDuration(lane.waitGoalMs),
      description: 'Longest wait while more comes than the origins can answer.',
    }),
    priority: word(['interactive', 'stream', 'bulk'], {
      default: lane.priority,
      description: 'Who goes first when requests wait for the same origins.',
    }),
  },
  { description: 'Limit of concurrency with a queue; `false` = off.' },
)

const mostBytes = (description: string): Kind =>
  rate({ min: 1024, max: 1e12, words: { none: null }, default: 'none', description, examples: ['5Mbit/s', '2MB/s'] })

/** The block `bandwidth` of a route. */
export const bandwidthBlock = block(
  'bandwidth',
  {
    per_client: mostBytes('Most that answers to one client take, over all of its connections (IPv6: of a /64).'),
    per_route: mostBytes('Most that answers of the route take, to all clients together.'),
  },
  { description: 'Caps of how fast answers are sent; `false` = none.' },
)

/** The global key `uplink`. */
export const uplinkKind = mostBytes(
  'Speed of the line to the outside: clients there share it by the class of the route (`admission.priority`), so that a backup does not hold up a page.',
)
