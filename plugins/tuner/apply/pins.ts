/**
 * Knobs that a person has taken into their own hands. A knob that several routes share is out of the tuner's hands as soon as
 * it is pinned on one of them.
 */
import { serverOf, type TunedRoute } from '../options.ts'
import { type KnobLink, knobLinks } from './knob-map.ts'

export class Pins {
  readonly #pins = new Set<string>()
  /** The same by target, for all routes that share it. */
  #held = new Set<string>()
  #routes: Readonly<Record<string, TunedRoute>> = {}

  /** What is pinned, in a form for `restore`. */
  get keys(): readonly string[] {
    return [...this.#pins]
  }

  restore(keys: readonly string[]): void {
    for (const key of keys) this.#pins.add(key)
    this.#find()
  }

  apply(routes: Readonly<Record<string, TunedRoute>>): void {
    this.#routes = routes
    this.#find()
  }

  add(route: string, name: string): void {
    this.#pins.add(keyOf(route, name))
    this.#find()
  }

  /** False = it was not pinned. */
  delete(route: string, name: string): boolean {
    const wasPinned = this.#pins.delete(keyOf(route, name))
    this.#find()
    return wasPinned
  }

  has(route: string, name: string): boolean {
    return this.#pins.has(keyOf(route, name))
  }

  /** Pinned on this route, or on another that shares the knob. */
  holds(route: string, link: KnobLink): boolean {
    return this.#held.has(keyOf(targetOf(this.#routes, route, link), link.name))
  }

  #find(): void {
    this.#held = new Set()
    if (this.#pins.size === 0) return
    for (const route of Object.keys(this.#routes)) {
      for (const link of knobLinks) {
        if (this.has(route, link.name)) this.#held.add(keyOf(targetOf(this.#routes, route, link), link.name))
      }
    }
  }
}

/** Of whom the controller thinks when it decides about this knob of a route. */
export function targetOf(
  routes: Readonly<Record<string, TunedRoute>>,
  route: string,
  { scope }: Pick<KnobLink, 'scope'>,
): string {
  const settings = routes[route]
  return scope === 'route' || settings === undefined ? route : serverOf(settings)
}

export function keyOf(route: string, name: string): string {
  return `${route}\u0000${name}`
}
