/**
 * The last `size` numbers, kept in order as well, so that a quantile costs one look. Two arrays that never grow.
 */
export class SortedRing {
  readonly #arrived: Float64Array
  readonly #sorted: Float64Array
  #count = 0
  #next = 0

  constructor(size: number) {
    this.#arrived = new Float64Array(size)
    this.#sorted = new Float64Array(size)
  }

  get count(): number {
    return this.#count
  }

  push(value: number): void {
    const sorted = this.#sorted
    const isFull = this.#count === sorted.length
    // The place that becomes free: the oldest number's, or the one behind the last.
    const free = isFull ? this.#place(this.#arrived[this.#next] as number) : this.#count
    if (!isFull) this.#count++
    this.#arrived[this.#next] = value
    this.#next = (this.#next + 1) % sorted.length
    let i = free
    for (; i > 0 && (sorted[i - 1] as number) > value; i--) sorted[i] = sorted[i - 1] as number
    if (i === free) {
      const last = this.#count - 1
      for (; i < last && (sorted[i + 1] as number) < value; i++) sorted[i] = sorted[i + 1] as number
    }
    sorted[i] = value
  }

  clear(): void {
    this.#count = 0
    this.#next = 0
  }

  /** 0 without numbers. */
  quantile(q: number): number {
    if (this.#count === 0) return 0
    return this.#sorted[Math.min(this.#count - 1, Math.floor(q * this.#count))] as number
  }

  get min(): number {
    return this.#count === 0 ? 0 : (this.#sorted[0] as number)
  }

  /** Multiplies all by a factor above 0. */
  scale(factor: number): void {
    for (let i = 0; i < this.#count; i++) {
      this.#arrived[i] = (this.#arrived[i] as number) * factor
      this.#sorted[i] = (this.#sorted[i] as number) * factor
    }
  }

  #place(value: number): number {
    let low = 0
    let high = this.#count - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#sorted[middle] as number) < value) low = middle + 1
      else high = middle
    }
    return low
  }
}
