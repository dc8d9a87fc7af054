/**
 * What happened in one span of time: counts, bytes and times, ready to be added up over spans.
 */
import type { RequestRecord } from '../../contract/index.ts'
import { LogHistogram } from './log-histogram.ts'

/** Least time that is told apart, in ms. */
const LEAST_MS = 0.01
/** Least size that is told apart, in bytes. */
const LEAST_BYTES = 16

/** Where an answer came from, as far as the origin was spared. */
export type CacheShare = 'hits' | 'misses' | 'none'

const spared: ReadonlySet<string> = new Set(['hit', 'stale', 'coalesced', 'stale-if-error'])

/** A request that no origin was asked for is a hit; one that the cache passed on is a miss. */
export function cacheShare(cache: string | null): CacheShare {
  if (cache === null || cache === 'bypass') return 'none'
  return spared.has(cache) ? 'hits' : 'misses'
}

/** Whose fault a request is that did not go well. */
export type Verdict = 'success' | 'client_error' | 'server_error' | 'gateway_error' | 'client_left'

/** Reasons of the gateway that are the client's own doing have a status below 500. */
export function verdictOf({ status, outcome }: Pick<RequestRecord, 'status' | 'outcome'>): Verdict {
  if (outcome === 'client_left') return 'client_left'
  if (status >= 400 && status < 500) return 'client_error'
  // A tunnel that ends for a reason of its own (idle, closing) has done its work.
  if (outcome !== 'ok' && !outcome.startsWith('tunnel_')) return 'gateway_error'
  return status >= 500 ? 'server_error' : 'success'
}

/** What can be counted without asking how it is spread. */
export class Counts {
  count = 0
  longHeld = 0
  readonly verdicts: Record<Verdict, number> = {
    success: 0,
    client_error: 0,
    server_error: 0,
    gateway_error: 0,
    client_left: 0,
  }
  hits = 0
  misses = 0
  /** Body bytes of answers that came from the cache. */
  hitBytes = 0
  bytesIn = 0
  bytesRaw = 0
  bytesOut = 0
  /** Of answers that were encoded here: before and after. */
  encodedRaw = 0
  encodedOut = 0
  encoded = 0
  encodeMs = 0
  attempts = 0
  queueMs = 0
  /** Of requests that are not held open by nature. */
  readonly firstByteMs = new LogHistogram(LEAST_MS)

  record(record: RequestRecord): void {
    this.count++
    this.verdicts[verdictOf(record)]++
    this.bytesIn += record.bytesIn
    this.bytesRaw += record.bytesRaw
    this.bytesOut += record.bytesOut
    this.attempts += record.attempts
    this.queueMs += record.queueMs
    const share = cacheShare(record.cache)
    if (share === 'misses') this.misses++
    else if (share === 'hits') {
      this.hits++
      this.hitBytes += record.bytesRaw
    }
    if (record.encodeMs > 0 || record.bytesRaw > record.bytesOut) this.#encoded(record)
    if (record.isLongHeld) this.longHeld++
    else if (record.firstByteMs !== null) this.firstByteMs.record(record.firstByteMs)
  }

  #encoded({ bytesRaw, bytesOut, encodeMs }: RequestRecord): void {
    this.encoded++
    this.encodedRaw += bytesRaw
    this.encodedOut += bytesOut
    this.encodeMs += encodeMs
  }

  reset(): void {
    for (const name of tallyNumbers) this[name] = 0
    for (const name of verdictNames) this.verdicts[name] = 0
    this.firstByteMs.reset()
  }
}

/** The same with how times and sizes are spread. */
export class Tally extends Counts {
  /** Of requests that are not held open by nature, as are the sizes. */
  readonly ms = new LogHistogram(LEAST_MS)
  readonly sizes = new LogHistogram(LEAST_BYTES)

  override record(record: RequestRecord): void {
    super.record(record)
    if (record.isLongHeld) return
    this.ms.record(record.ms)
    this.sizes.record(record.bytesOut)
  }

  add(other: Tally): void {
    for (const name of tallyNumbers) this[name] += other[name]
    for (const name of verdictNames) this.verdicts[name] += other.verdicts[name]
    this.ms.add(other.ms)
    this.firstByteMs.add(other.firstByteMs)
    this.sizes.add(other.sizes)
  }

  override reset(): void {
    super.reset()
    this.ms.reset()
    this.sizes.reset()
  }
}

/** What is added up as it is. */
export const tallyNumbers = [
  ...(['count', 'longHeld', 'hits', 'misses', 'hitBytes', 'bytesIn', 'bytesRaw', 'bytesOut'] as const),
  ...(['encodedRaw', 'encodedOut', 'encoded', 'encodeMs', 'attempts', 'queueMs'] as const),
] as const

export const verdictNames = ['success', 'client_error', 'server_error', 'gateway_error', 'client_left'] as const
