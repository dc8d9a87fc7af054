/**
 * How long an origin takes to the head of an answer: an average that jumps up with a peak at once and comes down slowly,
 * so that a stall is noticed by the next request ("peak EWMA").
 */

/** Time in which the weight of what was falls to 1/e. */
const DECAY_MS = 10_000
/** An answer that took longer is a slow one. */
const SLOW_MS = 1_000
/** Weight of one answer in the share of slow ones. */
const SLOW_WEIGHT = 0.1

export class PeakLatency {
  samples = 0
  /** Of the last answers, ten or so. */
  slowShare = 0
  #ms = 0
  #atMs = 0

  note(ms: number, nowMs: number): void {
    this.samples++
    this.slowShare += ((ms > SLOW_MS ? 1 : 0) - this.slowShare) * SLOW_WEIGHT
    if (ms >= this.#ms) this.#ms = ms
    else this.#ms += (ms - this.#ms) * (1 - Math.exp(-(nowMs - this.#atMs) / DECAY_MS))
    this.#atMs = nowMs
  }

  /** 0 without a sample. */
  get ms(): number {
    return this.#ms
  }
}

/** An origin this much slower than the fastest one, in most of its answers, is an outlier. */
const OUTLIER_FACTOR = 5
const OUTLIER_SLOW_SHARE = 0.5
const OUTLIER_SAMPLES = 20

/** One slow answer makes none: any app has a report that takes long, and its other answers are as quick as ever. */
export function isOutlier(latency: PeakLatency, fastestMs: number): boolean {
  const { samples, slowShare, ms } = latency
  return samples >= OUTLIER_SAMPLES && slowShare > OUTLIER_SLOW_SHARE && ms > fastestMs * OUTLIER_FACTOR
}
