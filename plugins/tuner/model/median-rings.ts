/**
 * Some rings, each of the last `size` numbers, none below 0, of which somebody wants the median. It is looked for where it
 * was: what came since has moved it by a few places at most, while keeping all numbers in order would move many of them for
 * each that comes. One array that never grows, each ring's numbers side by side: with hundreds of rings most of the time of
 * a push is the way to where they lie.
 */
export class MedianRings {
  readonly #numbers: Float64Array
  readonly #size: number
  readonly #stride: number

  constructor(rings: number, size: number) {
    this.#size = size
    this.#stride = HEAD + size
    this.#numbers = new Float64Array(rings * this.#stride)
  }

  countOf(ring: number): number {
    return this.#numbers[ring * this.#stride] as number
  }

  push(ring: number, value: number): void {
    const numbers = this.#numbers
    const at = ring * this.#stride
    const count = numbers[at] as number
    const next = numbers[at + NEXT] as number
    if (count < this.#size) numbers[at] = count + 1
    numbers[at + NEXT] = next + 1 === this.#size ? 0 : next + 1
    numbers[at + IS_KNOWN] = 0
    numbers[at + HEAD + next] = value
  }

  /** 0 without numbers; the greater of two in the middle. */
  medianOf(ring: number): number {
    const numbers = this.#numbers
    const at = ring * this.#stride
    if (numbers[at + IS_KNOWN] === 0) {
      const first = at + HEAD
      numbers[at + MEDIAN] = medianFrom(numbers, first, first + (numbers[at] as number), numbers[at + MEDIAN] as number)
      numbers[at + IS_KNOWN] = 1
    }
    return numbers[at + MEDIAN] as number
  }

  /** The same as `medianOf(ring) < limit`, and sooner known where it is not. */
  isMedianBelow(ring: number, limit: number): boolean {
    const numbers = this.#numbers
    const at = ring * this.#stride
    if (numbers[at + IS_KNOWN] === 1) return (numbers[at + MEDIAN] as number) < limit
    const count = numbers[at] as number
    let others = count - (count >> 1)
    for (let i = at + HEAD; i < at + HEAD + count; i++) {
      if (!((numbers[i] as number) < limit) && --others === 0) return false
    }
    return true
  }

  /** Multiplies all numbers of all rings by a factor above 0. */
  scale(factor: number): void {
    const numbers = this.#numbers
    for (let i = 0; i < numbers.length; i++) {
      if (i % this.#stride >= MEDIAN) numbers[i] = (numbers[i] as number) * factor
    }
  }
}

/** Behind how many numbers there are: where the next one goes, whether the median is known, and what it is or was. */
const NEXT = 1
const IS_KNOWN = 2
const MEDIAN = 3
const HEAD = 4

/** From `guess` to the next number below or above it, until as many are below as must be. */
function medianFrom(numbers: Float64Array, first: number, end: number, guess: number): number {
  const rank = (end - first) >> 1
  let median = guess
  let below = 0
  let upTo = 0
  for (let i = first; i < end; i++) {
    // Numbers and not branches: which way each goes is chance, and a wrong guess of the processor costs more than both.
    below = (below + Number((numbers[i] as number) < median)) | 0
    upTo = (upTo + Number((numbers[i] as number) <= median)) | 0
  }
  // No more steps than numbers, so that it ends whatever these are.
  for (let step = first; step < end; step++) {
    let nearest = median
    let alike = 0
    if (rank < below) {
      nearest = Number.NEGATIVE_INFINITY
      for (let i = first; i < end; i++) {
        const value = numbers[i] as number
        if (!(value < median && value >= nearest)) continue
        alike = value === nearest ? alike + 1 : 1
        nearest = value
      }
      upTo = below
      below -= alike
    } else if (rank >= upTo) {
      nearest = Number.POSITIVE_INFINITY
      for (let i = first; i < end; i++) {
        const value = numbers[i] as number
        if (!(value > median && value <= nearest)) continue
        alike = value === nearest ? alike + 1 : 1
        nearest = value
      }
      below = upTo
      upTo += alike
    } else break
    median = nearest
  }
  return median
}
