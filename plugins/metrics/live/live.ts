/**
 * The gateway second by second: one sample a second, the last minutes of them kept for whoever opens a page, and each new
 * one handed to who listens.
 */
import type { RequestRecord } from '../../contract/index.ts'
import { Counts } from '../window/tally.ts'

/** Samples that are kept: five minutes. */
export const MAX_SAMPLES = 300
/** Most who listen at once; the next one is refused. */
export const MAX_LISTENERS = 32

/** One second. Times in milliseconds, null where nothing was measured. */
export interface LiveSample {
  /** End of the second, in ms since 1970. */
  readonly atMs: number
  readonly requests: number
  /** Faults of the gateway and statuses from 500. */
  readonly errors: number
  readonly clientErrors: number
  readonly inFlight: number
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly bytesIn: number
  readonly bytesOut: number
  readonly hits: number
  readonly misses: number
  /** Not sent because an answer was encoded here. */
  readonly bytesSaved: number
  /** Of answers that no origin was asked for. */
  readonly bytesAvoided: number
  readonly loopDelayMs: number
}

type Listener = (sample: LiveSample) => void

export interface LiveParts {
  readonly inFlight: () => number
  readonly loopDelayMs: () => number
}

export class Live {
  readonly #parts: LiveParts
  readonly #samples: LiveSample[] = []
  readonly #listeners = new Set<Listener>()
  readonly #second = new Counts()

  constructor(parts: LiveParts) {
    this.#parts = parts
  }

  record(record: RequestRecord): void {
    this.#second.record(record)
  }

  /** Ends the running second. */
  tick(atMs: number): void {
    const { inFlight, loopDelayMs } = this.#parts
    const sample = sampleOf(this.#second, { atMs, inFlight: inFlight(), loopDelayMs: loopDelayMs() })
    this.#second.reset()
    this.#samples.push(sample)
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift()
    for (const listener of this.#listeners) listener(sample)
  }

  get samples(): readonly LiveSample[] {
    return this.#samples
  }

  /** Returns what ends it; null when too many listen already. */
  listen(listener: Listener): (() => void) | null {
    if (this.#listeners.size >= MAX_LISTENERS) return null
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

function sampleOf(second: Counts, moment: Pick<LiveSample, 'atMs' | 'inFlight' | 'loopDelayMs'>): LiveSample {
  const { verdicts, firstByteMs } = second
  return {
    ...moment,
    requests: second.count,
    errors: verdicts.server_error + verdicts.gateway_error,
    clientErrors: verdicts.client_error,
    p50Ms: firstByteMs.percentile(0.5),
    p95Ms: firstByteMs.percentile(0.95),
    bytesIn: second.bytesIn,
    bytesOut: second.bytesOut,
    hits: second.hits,
    misses: second.misses,
    bytesSaved: second.encodedRaw - second.encodedOut,
    bytesAvoided: second.hitBytes,
  }
}
