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

const requests = block(
  'requests',
  {
    decode: flag({
      default: false,
      description:
        'For an app that reads no coding: decode request bodies in gzip, br and zstd in front of it; other codings get 415.',
    }),
    max_size: size({
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
      words: { none: null },
      default: '64MiB',
      description: 'Largest body once it is decoded, 413 above; `limits.body_size` holds too. `none` = no limit.',
    }),
    max_ratio: integer({
      min: 1,
      max: 1_000_000,
      default: 100,
      description: 'Most bytes that one byte of a coded body may become, 413 above; bodies of up to 1 MiB are free.',
    }),
    encode: list(word(['zstd', 'brotli', 'gzip'], { description: 'A content coding.' }), {
      atLeast: 1,
      words: { off: 'off', advertised: 'advertised' },
      default: 'advertised',
      description:
        'Encode bodies towards the app: where it asks for it by Accept-Encoding in its answers (`advertised`), never (`off`), or with these codings unasked, the first one first.',
      examples: [['gzip']],
    }),
  },
  { description: 'Bodies of requests: decoded for an app that cannot, encoded for one that can.' },
)

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
    requests,
  },
  { description: 'Compression of answers and of request bodies; `false` = off.' },
)
