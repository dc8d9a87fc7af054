/**
 * Numbers drawn from a seed: one stream for arrivals and sizes, another for service times, so that what a policy does
 * cannot shift the arrivals.
 */

/** A distribution as the worlds write it; a bare number is a constant. */
export type Distribution =
  | number
  | { readonly dist: 'exp'; readonly mean: number }
  | { readonly dist: 'lognormal'; readonly median: number; readonly sigma: number }
  | { readonly dist: 'uniform'; readonly lo: number; readonly hi: number }
  | { readonly dist: 'bimodal'; readonly p: number; readonly slow: Distribution; readonly fast: Distribution }

/** sfc32, seeded by splitting one number. */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number, stream = 0) {
    this.#a = (seed * 0x9e3779b1) | 0
    this.#b = (seed ^ 0x85ebca6b) | 0
    this.#c = (stream * 0xc2b2ae35 + 0x27d4eb2f) | 0
    for (let i = 0; i < 15; i++) this.next()
  }

  /** In [0, 1). */
  next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (this.#c << 21) | (this.#c >>> 11)
    this.#c = (this.#c + sum) | 0
    return (sum >>> 0) / 4294967296
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next())
  }

  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next())
  }

  draw(distribution: Distribution): number {
    if (typeof distribution === 'number') return distribution
    switch (distribution.dist) {
      case 'exp':
        return this.exponential(distribution.mean)
      case 'lognormal':
        return distribution.median * Math.exp(distribution.sigma * this.normal())
      case 'uniform':
        return distribution.lo + this.next() * (distribution.hi - distribution.lo)
      case 'bimodal':
        return this.draw(this.next() < distribution.p ? distribution.slow : distribution.fast)
    }
  }
}

/** The same shape with every value times `factor`. */
export function scaleDistribution(distribution: Distribution, factor: number): Distribution {
  if (typeof distribution === 'number') return distribution * factor
  switch (distribution.dist) {
    case 'exp':
      return { ...distribution, mean: distribution.mean * factor }
    case 'lognormal':
      return { ...distribution, median: distribution.median * factor }
    case 'uniform':
      return { ...distribution, lo: distribution.lo * factor, hi: distribution.hi * factor }
    case 'bimodal': {
      const { slow, fast } = distribution
      return { ...distribution, slow: scaleDistribution(slow, factor), fast: scaleDistribution(fast, factor) }
    }
  }
}
