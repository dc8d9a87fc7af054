/**
 * The last `size` numbers, none below 0, put in order only when somebody asks for a quantile: for rings that are written
 * a thousand times a second and read now and then. Two arrays that never grow.
 */
export class LazyRing {
  readonly #arrived: Float64Array
  readonly #sorted: Float64Array
  #count = 0
  #next = 0
  /** Numbers that have come since they were put in order. */
  #unsorted = 0
  /** One that is in order has gone. */
  #hasLost = false

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
    this.#unsorted++
    if (this.#count < this.#arrived.length) this.#count++
    else this.#hasLost = true
  }

  clear(): void {
    this.#count = 0
    this.#next = 0
    this.#unsorted = 0
    this.#hasLost = false
  }

  /** 0 without numbers. */
  quantile(q: number): number {
    if (this.#count === 0) return 0
    if (this.#unsorted > 0) this.#sort()
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
    if (this.#hasLost || this.#unsorted > FEW) {
      this.#sorted.set(this.#arrived)
      // Doubles that are not below 0 stand in the order of their bits, and whole numbers are sorted in three fifths of the time.
      new BigInt64Array(this.#sorted.buffer, 0, this.#count).sort()
    } else this.#merge()
    this.#unsorted = 0
    this.#hasLost = false
  }

  /** Puts what has come among those that are in order: the greatest first, so that each is moved once at most. */
  #merge(): void {
    const sorted = this.#sorted
    let old = this.#count - this.#unsorted
    for (let i = 0; i < this.#unsorted; i++) insert(few, i, this.#arrived[old + i] as number)
    for (let i = this.#unsorted - 1; i >= 0; i--) {
      const value = few[i] as number
      while (old > 0 && (sorted[old - 1] as number) > value) {
        old--
        sorted[old + i + 1] = sorted[old] as number
      }
      sorted[old + i] = value
    }
  }
}

/** So many are sooner put among the others than all are put in order again. */
const FEW = 32
const few = new Float64Array(FEW)

/** Into the first `count`, which are in order. */
function insert(numbers: Float64Array, count: number, value: number): void {
  let i = count
  for (; i > 0 && (numbers[i - 1] as number) > value; i--) numbers[i] = numbers[i - 1] as number
  numbers[i] = value
}
