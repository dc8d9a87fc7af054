/**
 * Makes one coded form of one stored body, proves by decoding that it is that body, and puts it into the store if the
 * body is still the one that is stored.
 */
import type { Readable } from 'node:stream'
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
  const span = new CpuSpan()
  const coded = await encodeChecked(task)
  const cpuMs = span.ms
  if (typeof coded === 'string') return { made: false, reason: coded, cpuMs }
  const { store, entry, coding, signal } = task
  const kept = await keepForm({ store, entry, coding, isGone: () => signal.aborted }, coded)
  return typeof kept === 'string' ? { made: false, reason: kept, cpuMs } : { made: true, bytes: coded.length, cpuMs }
}

/** CPU time since it was made. Other threads work at the same time: neither clock alone is right, the smaller is never too much. */
export class CpuSpan {
  readonly #begun = process.cpuUsage()
  readonly #startedMs = performance.now()

  get ms(): number {
    const { user, system } = process.cpuUsage(this.#begun)
    return Math.min((user + system) / 1000, performance.now() - this.#startedMs)
  }
}

/** Null where the body is gone. */
export async function wholeBody(store: CacheStore, entry: StoredEntry): Promise<Buffer | null> {
  try {
    const body = await store.read(entry)
    if (body === null || Buffer.isBuffer(body)) return body
    const whole = Buffer.concat(await (body as Readable).toArray())
    return whole.length === entry.bodyLength ? whole : null
  } catch {
    return null
  }
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

export interface FormToKeep {
  readonly store: CacheStore
  /** What it was made from. */
  readonly entry: StoredEntry
  readonly coding: string
  /** Nobody wants it any more. */
  readonly isGone: () => boolean
}

/** The writer is opened before the look: a purge after it is known to the writer, one before it to the look. */
export async function keepForm(
  { store, entry, coding, isGone }: FormToKeep,
  form: Buffer,
): Promise<StoredEntry | 'aborted' | 'replaced' | 'store'> {
  const writer = store.openWriter(entry.key, codedVariant(entry.variant, coding), { bodyLength: form.length })
  const set = await store.lookup(entry.key)
  const current = set?.find(each => each.generation === entry.generation)
  if (isGone() || current === undefined) {
    writer.abort()
    return isGone() ? 'aborted' : 'replaced'
  }
  if ((await writer.write(form)) === false) return 'store'
  const outcome = await writer.commit(codedMeta(current, coding))
  return outcome.stored ? outcome.entry : 'store'
}
