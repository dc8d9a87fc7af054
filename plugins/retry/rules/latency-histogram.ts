/**
 * Times of answers in buckets of a tenth of their size, with a fixed number of buckets and an end to memory: every so many
 * samples all counts are halved, so that it follows what an origin is like now.
 */

const BUCKETS = 120
const FIRST_MS = 1
const WIDTH = 1.1
const LOG_WIDTH = Math.log(WIDTH)
/** Samples after which all counts are halved. */
const HALVE_AFTER = 4_096

export class LatencyHistogram {
  readonly #counts = new Float64Array(BUCKETS)
  count = 0

  add(ms: number): void {
    const index = bucketOf(ms)
    this.#counts[index] = (this.#counts[index] as number) + 1
    if (++this.count < HALVE_AFTER) return
    this.count = 0
    for (let i = 0; i < BUCKETS; i++) {
      const half = (this.#counts[i] as number) / 2
      this.#counts[i] = half
      this.count += half
    }
  }

  mean(): number {
    return this.#sum(0) / this.count
  }

  /** Upper edge of the bucket in which the quantile lies. */
  quantile(q: number): number {
    const wanted = q * this.count
    let seen = 0
    for (let i = 0; i < BUCKETS; i++) {
      seen += this.#counts[i] as number
      if (seen >= wanted) return upperEdge(i)
    }
    return upperEdge(BUCKETS - 1)
  }

  /** Share of the samples in the buckets above `ms`. */
  shareAbove(ms: number): number {
    let above = 0
    for (let i = bucketOf(ms) + 1; i < BUCKETS; i++) above += this.#counts[i] as number
    return above / this.count
  }

  /** Mean of the samples above `ms`; `ms` itself where there are none. */
  meanAbove(ms: number): number {
    if (this.count === 0) return ms
    const from = bucketOf(ms) + 1
    const above = this.shareAbove(ms) * this.count
    return above === 0 ? ms : this.#sum(from) / above
  }

  /** Mean time to the first of two answers, the second asked for after `delayMs`: of min(X, delay + X'). */
  meanOfFirst(delayMs: number): number {
    const from = bucketOf(delayMs) + 1
    let sum = this.#sum(0) - this.#sum(from)
    for (let i = from; i < BUCKETS; i++) {
      const count = this.#counts[i] as number
      if (count > 0) sum += count * this.#meanOfMin(middle(i), delayMs)
    }
    return sum / this.count
  }

  /** Mean of min(`ms`, delay + X'). */
  #meanOfMin(ms: number, delayMs: number): number {
    let sum = 0
    for (let i = 0; i < BUCKETS; i++) {
      const count = this.#counts[i] as number
      if (count > 0) sum += count * Math.min(ms, delayMs + middle(i))
    }
    return sum / this.count
  }

  #sum(from: number): number {
    let sum = 0
    for (let i = from; i < BUCKETS; i++) sum += (this.#counts[i] as number) * middle(i)
    return sum
  }
}

function bucketOf(ms: number): number {
  if (ms <= FIRST_MS) return 0
  return Math.min(BUCKETS - 1, Math.ceil(Math.log(ms / FIRST_MS) / LOG_WIDTH - 1e-9))
}

function upperEdge(index: number): number {
  return FIRST_MS * WIDTH ** index
}

function middle(index: number): number {
  return index === 0 ? FIRST_MS / 2 : FIRST_MS * WIDTH ** (index - 0.5)
}
