/** The time of the machine, as the models of apps and arrivals see it. */
import type { Clock, Planned } from '../timeline.ts'

export class RealClock implements Clock {
  readonly #startMs = performance.now()
  #order = 0

  get now(): number {
    return performance.now() - this.#startMs
  }

  after(ms: number, run: () => void): Planned {
    const planned: Planned = { at: this.now + Math.max(0, ms), order: this.#order++, run }
    setTimeout(() => planned.run?.(), Math.max(0, ms))
    return planned
  }
}
