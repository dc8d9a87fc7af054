/** A cache with a codec before one origin, and what tests of coded forms ask of it. */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import type { RawAnswer } from '../../../support/raw-client.ts'
import { type Ask, type Fields, fresh, type Rig, type RigOptions, rig, type Teardown, until } from '../rig.ts'
import { type CodecChanges, zlibCodec } from './zlib-codec.ts'

const decoders = { zstd: zstdDecompressSync, br: brotliDecompressSync, gzip: gunzipSync }

/** A text that each codec shrinks. */
export const text = (words: number, seed = 'word') =>
  Buffer.from(Array.from({ length: words }, (_, i) => `${seed} ${i % 97} and ${(i * 7919) % 1009};`).join('\n'))

export const freshText = (fields: Fields = {}): Fields => fresh({ 'Content-Type': 'text/plain', ...fields })

export interface CodedRigOptions extends RigOptions {
  readonly codec?: CodecChanges
}

export async function codedRig(t: Teardown, { codec, ...options }: CodedRigOptions = {}): Promise<Rig> {
  const app = await rig(t, options)
  app.app.cache.encodeWith(zlibCodec(codec))
  return app
}

/** Until so many forms have been made in all. */
export async function whenCoded(app: Rig, count = 3): Promise<void> {
  const made = async () => Object.values((await app.app.cache.stats()).coded.made).reduce((sum, each) => sum + each, 0)
  await until(async () => (await made()) >= count, 20_000, `never ${count} coded forms`)
}

/** Until the encoder has nothing to do. */
export async function whenEncoderRests(app: Rig): Promise<void> {
  await until(async () => (await app.app.cache.stats()).coded.queued === 0, 20_000, 'the encoder still works')
}

export function decoded({ body, headers }: RawAnswer): Buffer {
  const coding = headers['content-encoding']
  return coding === undefined ? body : decoders[coding as keyof typeof decoders](body)
}

/** Stores a text under /x and waits for its forms. */
export async function storeCoded(app: Rig, body: Buffer, fields: Fields = {}): Promise<void> {
  await app.answered(app.get(), (ask: Ask) => ask.answer(200, freshText(fields), body))
  await whenCoded(app)
}
