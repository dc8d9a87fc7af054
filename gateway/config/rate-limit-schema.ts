/**
 * What the configuration says about how many requests of a client are answered: the block `rate_limit` of a route.
 */
import { block, duration, integer, switchable, word } from './kinds.ts'

const HOUR = 3_600_000

export const rateLimitBlock = switchable(
  block(
    'rate_limit',
    {
      requests: integer({
        min: 1,
        max: 1_000_000_000,
        description: 'Requests that are answered in `per`, upgrades too; 429 above.',
        examples: [600],
      }),
      per: duration({
        min: 1_000,
        max: 24 * HOUR,
        default: '1m',
        description: 'Length of the window, which begins with the first request.',
      }),
      by: word(['client', 'route'], {
        default: 'client',
        description: 'client = each address by itself, IPv6 by /64; route = all clients of the route together.',
      }),
    },
    { required: ['requests'], description: 'Requests of a client that are answered in a time.' },
  ),
  false,
  { absent: false },
)
