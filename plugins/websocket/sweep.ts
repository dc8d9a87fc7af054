/**
 * One coarse timer for all time limits of an app's tunnels: it runs only while something has a limit, so that ten
 * thousand quiet tunnels without one cost nothing.
 */

/** Something with a time limit. */
export interface Swept {
  /** Looks at its own limit; `nowMs` of `performance.now()`. */
  sweep(nowMs: number): void
}

export class Sweep {
  readonly #periodMs: number
  readonly #members = new Set<Swept>()
  #timer: ReturnType<typeof setInterval> | null = null

  /** `periodMs` is the coarseness: a limit is noticed at most two periods late. */
  constructor(periodMs = 1000) {
    this.#periodMs = periodMs
  }

  /** True while the timer runs. */
  get running(): boolean {
    return this.#timer !== null
  }

  add(member: Swept): void {
    this.#members.add(member)
    if (this.#timer !== null) return
    this.#timer = setInterval(() => this.#run(), this.#periodMs)
    this.#timer.unref()
  }

  delete(member: Swept): void {
    this.#members.delete(member)
    if (this.#members.size > 0 || this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
  }

  #run(): void {
    const nowMs = performance.now()
    for (const member of this.#members) member.sweep(nowMs)
  }
}
