/**
 * How many attempts run at each origin at once, from whichever group: two routes to one app crowd it together.
 */

export interface Crowd {
  /** Attempts that run there now. */
  inFlight: number
}

interface Shared {
  readonly crowd: Crowd
  pools: number
}

/** As many entries as origins with a pool. */
export class Crowds {
  readonly #byUrl = new Map<string, Shared>()

  /** For each pool once; `leave` when the pool is done. */
  join(url: string): Crowd {
    const shared = this.#byUrl.get(url) ?? { crowd: { inFlight: 0 }, pools: 0 }
    shared.pools++
    this.#byUrl.set(url, shared)
    return shared.crowd
  }

  leave(url: string): void {
    const shared = this.#byUrl.get(url)
    if (shared !== undefined && --shared.pools <= 0) this.#byUrl.delete(url)
  }
}
