/** A codec over node:zlib at full effort: what a compression plugin gives the cache, in its simplest form. */
import { promisify } from 'node:util'
import zlib, { constants } from 'node:zlib'
import type { VariantCodec } from '../../../../plugins/cache/index.ts'

type Codec = (body: Buffer, options: object) => Promise<Buffer>
const asCodec = (codec: (body: Buffer, options: object, done: (error: Error | null, result: Buffer) => void) => void) =>
  promisify(codec) as Codec

const gzip = asCodec(zlib.gzip)
const brotli = asCodec(zlib.brotliCompress)
const zstd = asCodec(zlib.zstdCompress)

const encoders: Readonly<Record<string, (body: Buffer) => Promise<Buffer>>> = {
  zstd: body => zstd(body, { params: { [constants.ZSTD_c_compressionLevel]: 19 } }),
  br: body => brotli(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
  gzip: body => gzip(body, { level: 9 }),
}
const decoders: Readonly<Record<string, Codec>> = {
  zstd: asCodec(zlib.zstdDecompress),
  br: asCodec(zlib.brotliDecompress),
  gzip: asCodec(zlib.gunzip),
}

/** Weights by coding; a coding that is not named has that of `*`, which is 0 where there is none. */
function weights(acceptEncoding: string): ReadonlyMap<string, number> {
  const members = acceptEncoding.split(',').map(member => member.trim().toLowerCase().split(';q='))
  return new Map(members.map(([name = '', weight = '1']) => [name, Number(weight)]))
}

export function choose(acceptEncoding: string | undefined, offered: readonly string[]): string | null {
  if (acceptEncoding === undefined) return 'identity'
  const given = weights(acceptEncoding)
  const weightOf = (coding: string) => given.get(coding) ?? given.get('*') ?? (coding === 'identity' ? 0.001 : 0)
  const [best] = [...offered, 'identity'].toSorted((a, b) => weightOf(b) - weightOf(a))
  return best === undefined || weightOf(best) === 0 ? null : best
}

/** What a test changes of it. */
export type CodecChanges = Partial<VariantCodec> & { readonly onEncode?: (coding: string) => void | Promise<void> }

export function zlibCodec({ onEncode, ...changes }: CodecChanges = {}): VariantCodec {
  return {
    codings: ['zstd', 'br', 'gzip'],
    mayEncode: ({ fields }) => {
      const type = fields.find((_, i) => i % 2 === 1 && fields[i - 1]?.toLowerCase() === 'content-type') ?? ''
      return type.startsWith('text/') ? { encode: true } : { encode: false, reason: 'type' }
    },
    choose,
    encode: async (body, coding) => {
      await onEncode?.(coding)
      return encoders[coding]?.(body) ?? Promise.reject(new Error(coding))
    },
    decode: (body, coding, maxBytes) =>
      decoders[coding]?.(body, { maxOutputLength: maxBytes }) ?? Promise.reject(new Error(coding)),
    ...changes,
  }
}
