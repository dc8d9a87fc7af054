/**
 * A histogram for percentiles: buckets of equal ratio, so that every value is known to about 4 % whatever its size. Made
 * for windows of time: small, cheap to record into, and sums of several are exact.
 */

/** Buckets for each doubling. */
const PER_OCTAVE = 8
/** Doublings above the least value: 10 µs to 3 hours where the unit is a millisecond. */
const OCTAVES = 30
const BUCKETS = PER_OCTAVE * OCTAVES

/** A histogram as its filled buckets, each as its number and its count, one after the other. */
export interface SparseHistogram {
  readonly sum: number
  readonly max: number
  readonly buckets: readonly number[]
}

export class LogHistogram {
  /** What is at or below it falls into the first bucket. */
  readonly #least: number
  readonly #counts = new Uint32Array(BUCKETS)
  count = 0
  sum = 0
  max = 0

  /** @param least least value that is told apart, in the unit of the values */
  constructor(least: number) {
    this.#least = least
  }

  record(value: number): void {
    this.count++
    this.sum += value
    if (value > this.max) this.max = value
    const i = value <= this.#least ? 0 : Math.ceil(Math.log2(value / this.#least) * PER_OCTAVE)
    const at = i < BUCKETS ? i : BUCKETS - 1
    this.#counts[at] = (this.#counts[at] as number) + 1
  }

  /** Adds what another one of the same least value holds. */
  add(other: LogHistogram): void {
    this.count += other.count
    this.sum += other.sum
    this.max = Math.max(this.max, other.max)
    for (let i = 0; i < BUCKETS; i++) this.#counts[i] = (this.#counts[i] as number) + (other.#counts[i] as number)
  }

  sparse(): SparseHistogram {
    const buckets: number[] = []
    this.#counts.forEach((count, i) => {
      if (count > 0) buckets.push(i, count)
    })
    return { sum: this.sum, max: this.max, buckets }
  }

  /** Adds what one of the same least value held. */
  addSparse({ sum, max, buckets }: SparseHistogram): void {
    this.sum += sum
    this.max = Math.max(this.max, max)
    for (let i = 0; i + 1 < buckets.length; i += 2) {
      const [at, count] = [buckets[i] as number, buckets[i + 1] as number]
      this.#counts[at] = (this.#counts[at] as number) + count
      this.count += count
    }
  }

  /** Whether something out of a file is what `sparse` makes. */
  static isSparse(value: unknown): value is SparseHistogram {
    if (typeof value !== 'object' || value === null) return false
    const { sum, max, buckets } = value as Partial<SparseHistogram>
    const isNumber = (number: unknown) => typeof number === 'number' && Number.isFinite(number) && number >= 0
    if (!isNumber(sum) || !isNumber(max) || !Array.isArray(buckets) || buckets.length % 2 !== 0) return false
    return buckets.every((number, i) => Number.isInteger(number) && number >= 0 && (i % 2 === 1 || number < BUCKETS))
  }

  reset(): void {
    this.#counts.fill(0)
    this.count = this.sum = this.max = 0
  }

  get mean(): number | null {
    return this.count === 0 ? null : this.sum / this.count
  }

  /**
   * The value that this share of all does not exceed; null without any.
   * @param share 0 to 1
   */
  percentile(share: number): number | null {
    if (this.count === 0) return null
    const rank = Math.max(1, Math.ceil(share * this.count))
    let seen = 0
    for (let i = 0; i < BUCKETS; i++) {
      seen += this.#counts[i] as number
      if (seen >= rank) return Math.min(this.max, this.#middleOf(i))
    }
    return this.max
  }

  /** Of a bucket, on the scale of ratios. */
  #middleOf(i: number): number {
    return i === 0 ? this.#least : this.#least * 2 ** ((i - 0.5) / PER_OCTAVE)
  }
}
