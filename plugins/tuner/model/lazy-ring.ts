/**
 * The last `size` numbers, none below 0, put in order only when somebody asks for a quantile: for rings that are written
 * a thousand times a second and read now and then. Two arrays that never grow.
 */
export class LazyRing {
  readonly #arrived: Float64Array
  readonly #sorted: Float64Array
  #count = 0
  #next = 0
  #isSorted = true

  constructor(size: number) {
    this.#arrived = new Float64Array(size)
    this.#sorted = new Float64Array(size)
  }

  get count(): number {
    return this.#count
  }

  push(value: number): void {
    this.#arrived[this.#next] = value
    this.#next = this.#next + 1 === this.#arrived.length ? 0 : this.#next + 1
    if (this.#count < this.#arrived.length) this.#count++
    this.#isSorted = false
  }

  /** 0 without numbers. */
  quantile(q: number): number {
    if (this.#count === 0) return 0
    if (!this.#isSorted) this.#sort()
    return this.#sorted[Math.min(this.#count - 1, Math.floor(q * this.#count))] as number
  }

  /** 0 without numbers. */
  get min(): number {
    if (this.#count === 0) return 0
    let min = Number.POSITIVE_INFINITY
    for (let i = 0; i < this.#count; i++) min = Math.min(min, this.#arrived[i] as number)
    return min
  }

  /** 0 without numbers. */
  get max(): number {
    let max = 0
    for (let i = 0; i < this.#count; i++) max = Math.max(max, this.#arrived[i] as number)
    return max
  }

  /** Whether none is `limit` or less; true without numbers. */
  isAbove(limit: number): boolean {
    for (let i = 0; i < this.#count; i++) if ((this.#arrived[i] as number) <= limit) return false
    return true
  }

  #sort(): void {
    this.#sorted.set(this.#arrived)
    this.#sorted.subarray(0, this.#count).sort()
    this.#isSorted = true
  }
}
