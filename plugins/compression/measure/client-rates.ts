/**
 * How fast each client reads, learned from long answers that reached it whole. Where the origin or an encoder was the slow
 * side the figure is too low, so a higher one is believed at once and a lower one only by and by.
 */
import type { ExchangeEntry } from '../../contract/index.ts'

/** Clients that are remembered; the one that was silent for longest is forgotten first. */
export const MAX_CLIENTS = 1_024
/** Shorter answers fit into the buffers of the system, which tell nothing of the client. */
const LEAST_BYTES = 512 * 1024
/** What those buffers take at once, about. */
const BUFFERED_BYTES = 128 * 1024
/** Below this the clock decides. */
const LEAST_MS = 20
/** Weight of a lower figure against what is known. */
const LOWER = 0.2

/** Of an answer that has ended; null when it tells nothing. Bytes a millisecond. */
export function rateOf(
  entry: Pick<ExchangeEntry, 'outcome' | 'bytesOut' | 'firstByteMs' | 'durationMs' | 'isLongHeld'>,
): number | null {
  const { outcome, bytesOut, firstByteMs, durationMs, isLongHeld } = entry
  if (outcome !== 'ok' || isLongHeld || bytesOut === null || bytesOut < LEAST_BYTES || firstByteMs === null) return null
  return (bytesOut - BUFFERED_BYTES) / Math.max(LEAST_MS, durationMs - firstByteMs)
}

export class ClientRates {
  /** Address to bytes a millisecond, the one that was heard of last at the end. */
  readonly #rates = new Map<string, number>()

  /** Null = nothing is known of this address. */
  of(address: string): number | null {
    return this.#rates.get(address) ?? null
  }

  learn(address: string, bytesPerMs: number): void {
    const known = this.#rates.get(address)
    this.#rates.delete(address)
    const isHigher = known === undefined || bytesPerMs >= known
    this.#rates.set(address, isHigher ? bytesPerMs : known + LOWER * (bytesPerMs - known))
    if (this.#rates.size <= MAX_CLIENTS) return
    for (const oldest of this.#rates.keys()) {
      this.#rates.delete(oldest)
      return
    }
  }
}
