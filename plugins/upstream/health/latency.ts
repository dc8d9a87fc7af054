/**
 * How long an origin takes to the head of an answer: an average that jumps up with a peak at once and comes down slowly,
 * so that a stall is noticed by the next request ("peak EWMA").
 */

/** Time in which the weight of what was falls to 1/e. */
const DECAY_MS = 10_000

export class PeakLatency {
  samples = 0
  #ms = 0
  #atMs = 0

  note(ms: number, nowMs: number): void {
    this.samples++
    if (ms >= this.#ms) this.#ms = ms
    else this.#ms += (ms - this.#ms) * (1 - Math.exp(-(nowMs - this.#atMs) / DECAY_MS))
    this.#atMs = nowMs
  }

  /** 0 without a sample. */
  get ms(): number {
    return this.#ms
  }
}

/** An origin this much slower than the fastest one, and slower than this, is an outlier. */
const OUTLIER_FACTOR = 5
const OUTLIER_MS = 1_000
const OUTLIER_SAMPLES = 20

export function isOutlier(latency: PeakLatency, fastestMs: number): boolean {
  return latency.samples >= OUTLIER_SAMPLES && latency.ms > OUTLIER_MS && latency.ms > fastestMs * OUTLIER_FACTOR
}
