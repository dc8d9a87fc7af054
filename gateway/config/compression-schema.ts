/**
 * The block `compression` of a route. The defaults encode what is known to shrink and nothing else.
 */
import { block, flag, integer, type Kind, list, size, text, word } from './kinds.ts'

const level = (content: string, byDefault: number): Kind =>
  integer({
    min: 0,
    max: 9,
    default: byDefault,
    description: `Ceiling of effort for ${content}, 0 (leave alone) to 9.`,
  })

export const compressionBlock = block(
  'compression',
  {
    enabled: flag({
      default: true,
      description:
        'False is the same as `false` in place of the block: for pages that put secrets beside what a visitor wrote (BREACH).',
    }),
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
      { description: 'Ceiling of effort for each class of content; what is used on the fly is chosen below it.' },
    ),
    types: list(text('mediaType', { description: 'A media type, or `image/*` for all of a kind.' }), {
      default: [],
      description: 'Media types that are encoded beside the known ones.',
      examples: [['application/x-photo-index']],
    }),
  },
  { description: 'Compression of answers; `false` = off.' },
)
