/**
 * Some rings, each of the last `size` numbers, kept in order as well, so that a quantile costs one look. One array that never
 * grows: each ring has its counts, its numbers in order and its numbers as they came side by side, since with hundreds of
 * rings most of the time of a push is the way to where they lie.
 */
export class SortedRings {
  readonly #numbers: Float64Array
  readonly #size: number
  readonly #stride: number

  constructor(rings: number, size: number) {
    this.#size = size
    this.#stride = HEAD + 2 * size
    this.#numbers = new Float64Array(rings * this.#stride)
  }

  countOf(ring: number): number {
    return this.#numbers[ring * this.#stride] as number
  }

  push(ring: number, value: number): void {
    const numbers = this.#numbers
    const size = this.#size
    const at = ring * this.#stride
    const count = numbers[at] as number
    const next = numbers[at + 1] as number
    const first = at + HEAD
    const isFull = count === size
    const arrived = first + size + next
    // The place that becomes free: the oldest number's, or the one behind the last.
    const free = first + (isFull ? placeOf(numbers, first, size, numbers[arrived] as number) : count)
    if (!isFull) numbers[at] = count + 1
    numbers[at + 1] = next + 1 === size ? 0 : next + 1
    numbers[arrived] = value
    let i = free
    for (; i > first && (numbers[i - 1] as number) > value; i--) numbers[i] = numbers[i - 1] as number
    if (i === free && isFull) {
      const last = first + size - 1
      for (; i < last && (numbers[i + 1] as number) < value; i++) numbers[i] = numbers[i + 1] as number
    }
    numbers[i] = value
  }

  clear(ring: number): void {
    this.#numbers.fill(0, ring * this.#stride, ring * this.#stride + HEAD)
  }

  /** 0 without numbers. */
  quantile(ring: number, q: number): number {
    const at = ring * this.#stride
    const count = this.#numbers[at] as number
    return count === 0 ? 0 : (this.#numbers[at + HEAD + Math.min(count - 1, Math.floor(q * count))] as number)
  }

  /** Multiplies all numbers of all rings by a factor above 0. */
  scale(factor: number): void {
    const numbers = this.#numbers
    for (let i = 0; i < numbers.length; i++) {
      if (i % this.#stride >= HEAD) numbers[i] = (numbers[i] as number) * factor
    }
  }
}

/** How many numbers, and where the next one goes. */
const HEAD = 2

function placeOf(numbers: Float64Array, first: number, size: number, value: number): number {
  let low = 0
  let high = size - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((numbers[first + middle] as number) < value) low = middle + 1
    else high = middle
  }
  return low
}

/** One of them. */
export class SortedRing {
  readonly #rings: SortedRings

  constructor(size: number) {
    this.#rings = new SortedRings(1, size)
  }

  get count(): number {
    return this.#rings.countOf(0)
  }

  push(value: number): void {
    this.#rings.push(0, value)
  }

  clear(): void {
    this.#rings.clear(0)
  }

  quantile(q: number): number {
    return this.#rings.quantile(0, q)
  }
}
