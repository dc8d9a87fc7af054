/**
 * The blocks of a route whose capabilities are built after the proxy itself (`planned.ts` says which have no effect
 * yet). They are read and checked like all others, so that a file need not change when they come.
 */
import { block, flag, integer, type Kind, list, size, switchable, word } from './kinds.ts'

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

export const laterBlocks: Readonly<Record<string, Kind>> = {
  compression: switchable(compression, false),
}
