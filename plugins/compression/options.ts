/**
 * Options of the compression plugin: what holds on every route that says nothing else. Sizes in bytes.
 */
import { type Static, Type } from 'typebox'

const level = (what: string, byDefault: number) =>
  Type.Integer({
    minimum: 0,
    maximum: 9,
    default: byDefault,
    description: `Ceiling of effort for ${what}, 0 (leave alone) to 9.`,
  })

export const compressionOptionsSchema = Type.Object(
  {
    minSize: Type.Integer({
      minimum: 0,
      default: 1024,
      description: 'Smallest body that is encoded, in bytes.',
    }),
    algorithms: Type.Array(Type.Enum(['zstd', 'brotli', 'gzip']), {
      minItems: 1,
      default: ['zstd', 'brotli', 'gzip'],
      description: 'Codings on offer, the best first; the client decides, the order breaks ties.',
    }),
    levelMap: Type.Object(
      {
        text: level('text', 9),
        image: level('images that can be encoded', 6),
        video: level('video', 3),
        default: level('everything else', 6),
      },
      { additionalProperties: false, default: {} },
    ),
    types: Type.Array(Type.String({ pattern: '^[a-z0-9.+-]+/([a-z0-9.+-]+|\\*)$' }), {
      default: [],
      description: 'Media types that are encoded beside the known ones; `image/*` for all of a kind.',
    }),
    requests: Type.Object(
      {
        decode: Type.Boolean({
          default: false,
          description: 'Decode request bodies for an app that reads no coding; other codings than ours get 415.',
        }),
        maxSize: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()], {
          default: 64 * 1024 ** 2,
          description: 'Largest request body once it is decoded, in bytes, 413 above; null = no limit.',
        }),
        maxRatio: Type.Integer({
          minimum: 1,
          default: 100,
          description: 'Most bytes that one byte of a coded request body may become, 413 above.',
        }),
        encode: Type.Union(
          [Type.Enum(['off', 'advertised']), Type.Array(Type.Enum(['zstd', 'brotli', 'gzip']), { minItems: 1 })],
          {
            default: 'advertised',
            description:
              'Encode request bodies for apps that ask for it by Accept-Encoding in an answer, or with these codings unasked.',
          },
        ),
      },
      { additionalProperties: false, default: {} },
    ),
  },
  { additionalProperties: false },
)

export type CompressionOptions = Static<typeof compressionOptionsSchema>
