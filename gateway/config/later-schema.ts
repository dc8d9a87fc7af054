/**
 * The blocks of a route whose capabilities are built after the proxy itself (`planned.ts` says which have no effect
 * yet). They are read and checked like all others, so that a file need not change when they come.
 */
import { block, duration, flag, integer, type Kind, list, ratio, size, switchable, word } from './kinds.ts'

const enabled = flag({ default: true, description: 'False is the same as `false` in place of the block.' })

const level = (content: string, byDefault: number): Kind =>
  integer({ min: 0, max: 9, default: byDefault, description: `Ceiling of effort for ${content}, 0 to 9.` })

const compression = block(
  'compression',
  {
    enabled,
    min_size: size({
      min: 0,
      max: 1024 ** 3,
      default: 1024,
      description: 'Smallest answer that is worth encoding, in bytes.',
    }),
    algorithms: list(word(['zstd', 'brotli', 'gzip'], { description: 'A content coding.' }), {
      atLeast: 1,
      default: ['zstd', 'brotli', 'gzip'],
      description: 'Codings offered, the best first; the Accept-Encoding of the client decides, the order breaks ties.',
    }),
    level_map: block(
      'level_map',
      {
        text: level('text', 9),
        image: level('images that can be compressed', 6),
        video: level('video', 3),
        default: level('everything else', 6),
      },
      { description: 'Ceiling of effort for each class of content.' },
    ),
  },
  { description: 'Compression of answers; `false` = off.' },
)

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

export const laterBlocks: Readonly<Record<string, Kind>> = {
  compression: switchable(compression, false),
  retry: switchable(retry, false),
}
