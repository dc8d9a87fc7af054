/**
 * Tunables: the numbers that may be moved while the app runs. The owner declares bounds and applies a change at once,
 * also to requests that are already waiting; the tuner and the admin API only see this list.
 */

/** One knob of one route or one origin. `set` clamps to the bounds and takes effect before it returns. */
export interface Tunable {
  /** Owner and knob, `upstream.max_size`. */
  readonly name: string
  /** What it belongs to: a route or an upstream by name. */
  readonly scope: string
  readonly unit: 'count' | 'milliseconds' | 'ratio' | 'bytes' | 'level'
  /** What the values from 0 on are called in the configuration, where they stand for words. */
  readonly words?: readonly string[]
  readonly min: number
  readonly max: number
  readonly step: number
  /** What the configuration says; the value to go back to. */
  readonly configured: number
  get(): number
  set(value: number): void
}

/** The tunables of one app by `scope` and `name`. */
export class Tunables {
  readonly #all = new Map<string, Tunable>()

  /** Declares a knob; a second one of the same name and scope replaces the first (a reload). */
  declare(tunable: Tunable): void {
    this.#all.set(`${tunable.scope}\u0000${tunable.name}`, tunable)
  }

  /** Forgets every knob of a scope that a reload has removed. */
  dropScope(scope: string): void {
    for (const [key, tunable] of this.#all) if (tunable.scope === scope) this.#all.delete(key)
  }

  /** Forgets one knob of a scope that has no use for it any more. */
  drop(scope: string, name: string): void {
    this.#all.delete(`${scope}\u0000${name}`)
  }

  find(scope: string, name: string): Tunable | undefined {
    return this.#all.get(`${scope}\u0000${name}`)
  }

  list(): Iterable<Tunable> {
    return this.#all.values()
  }
}

/** The value nearest to `value` within the tunable's bounds, on its grid of steps. */
export function clampToBounds(tunable: Pick<Tunable, 'min' | 'max' | 'step'>, value: number): number {
  const stepped = tunable.min + Math.round((value - tunable.min) / tunable.step) * tunable.step
  return Math.min(tunable.max, Math.max(tunable.min, stepped))
}
