/**
 * Makes one coded form of one stored body, proves by decoding that it is that body, and puts it into the store if the
 * body is still the one that is stored.
 */
import { firstValue } from '../rules/fields.ts'
import type { CacheStore, StoredEntry } from '../stores/index.ts'
import type { VariantCodec } from './codec.ts'
import { codedMeta, codedVariant } from './coded-entry.ts'
import { isSmaller } from './decide-coded.ts'

export interface CodingTask {
  readonly store: CacheStore
  readonly codec: VariantCodec
  readonly entry: StoredEntry
  readonly body: Buffer
  readonly coding: string
  readonly signal: AbortSignal
}

export type Made =
  | { readonly made: true; readonly bytes: number; readonly cpuMs: number }
  | {
      readonly made: false
      readonly reason: 'no-gain' | 'check-failed' | 'encode-failed' | 'aborted' | 'replaced' | 'store'
      readonly cpuMs: number
    }

/** Never rejects. */
export async function makeCoded(task: CodingTask): Promise<Made> {
  const begun = process.cpuUsage()
  const startedMs = performance.now()
  // Other threads work at the same time: neither clock alone is right, the smaller is never too much.
  const cpuMs = (): number => {
    const { user, system } = process.cpuUsage(begun)
    return Math.min((user + system) / 1000, performance.now() - startedMs)
  }
  const coded = await encodeChecked(task)
  if (typeof coded === 'string') return { made: false, reason: coded, cpuMs: cpuMs() }
  const spent = cpuMs()
  const refusal = await keep(task, coded)
  return refusal === null
    ? { made: true, bytes: coded.length, cpuMs: spent }
    : { made: false, reason: refusal, cpuMs: spent }
}

type Failure = 'no-gain' | 'check-failed' | 'encode-failed' | 'aborted'

async function encodeChecked({ codec, entry, body, coding, signal }: CodingTask): Promise<Buffer | Failure> {
  const mediaType = firstValue(entry.head['headers'] as readonly string[], 'content-type') ?? ''
  let coded: Buffer
  try {
    coded = await codec.encode(body, coding, mediaType, signal)
  } catch {
    return signal.aborted ? 'aborted' : 'encode-failed'
  }
  if (signal.aborted) return 'aborted'
  if (!isSmaller(coded.length, body.length)) return 'no-gain'
  try {
    const decoded = await codec.decode(coded, coding, body.length)
    return decoded.equals(body) ? coded : 'check-failed'
  } catch {
    return 'check-failed'
  }
}

/** The writer is opened before the look: a purge after it is known to the writer, one before it to the look. */
async function keep(
  { store, entry, coding, signal }: CodingTask,
  coded: Buffer,
): Promise<'aborted' | 'replaced' | 'store' | null> {
  const writer = store.openWriter(entry.key, codedVariant(entry.variant, coding), { bodyLength: coded.length })
  const set = await store.lookup(entry.key)
  const current = set?.find(each => each.generation === entry.generation)
  if (signal.aborted || current === undefined) {
    writer.abort()
    return signal.aborted ? 'aborted' : 'replaced'
  }
  if ((await writer.write(coded)) === false) return 'store'
  const outcome = await writer.commit(codedMeta(current, coding))
  return outcome.stored ? null : 'store'
}
