/**
 * The knobs as they stand in the app: which may be moved, which somebody has pinned, and what is only suggested.
 */
import type { Tunable, Tunables } from '../../contract/index.ts'
import type { Mode, TunedRoute } from '../options.ts'
import type { Decisions, KnobRules, KnobValue } from '../types.ts'
import { type KnobGroup, type KnobLink, knobLinks, riskyGroups } from './knob-map.ts'
import { keyOf, Pins, targetOf } from './pins.ts'

/** One knob as it is shown. */
export interface KnobStatus {
  /** The route. */
  readonly scope: string
  /** Under which name the ledger speaks of it: the route, or the server that it shares with others. */
  readonly target: string
  /** Of the tunable. */
  readonly name: string
  readonly knob: KnobGroup
  readonly value: number
  readonly configured: number
  readonly min: number
  readonly max: number
  readonly unit: string
  /** What the values from 0 on are called, where they stand for words. */
  readonly words?: readonly string[]
  readonly mode: Mode
  readonly pinned: boolean
  /** When it was last moved, ms since 1970; null = it stands as configured since the start. */
  readonly since: number | null
  /** What the controller would set; only where it differs and is not applied. */
  readonly suggestion?: number
}

interface Place {
  readonly route: string
  readonly link: KnobLink
  readonly tunable: Tunable
}

const strictness: Readonly<Record<Mode, number>> = { off: 0, observe: 1, suggest: 2, apply: 3 }

/** Reads what the controller believes. */
export type Belief = (scope: 'upstream' | 'route', target: string, knob: string) => KnobValue | undefined

export class Knobs {
  readonly #tunables: Tunables
  #routes: Readonly<Record<string, TunedRoute>> = {}
  readonly pins = new Pins()
  readonly #since = new Map<string, number>()
  /** What stood where a person has applied a suggestion, by knob. */
  readonly #beforeApplied = new Map<string, number>()
  /** Modes set by hand, by route and knob; the route's own under ''. */
  readonly #modes = new Map<string, Mode>()
  isFrozen = false

  constructor(tunables: Tunables) {
    this.#tunables = tunables
  }

  apply(routes: Readonly<Record<string, TunedRoute>>): void {
    this.#routes = routes
    this.pins.apply(routes)
  }

  modeOf(route: string, group: KnobGroup): Mode {
    const settings = this.#routes[route]
    if (settings === undefined) return 'off'
    const whole = this.#modes.get(keyOf(route, '')) ?? settings.mode
    const own = this.#modes.get(keyOf(route, group)) ?? (settings.knobs as Partial<Record<KnobGroup, Mode>>)[group]
    const wished = own ?? (riskyGroups.has(group) ? 'suggest' : 'apply')
    return strictness[wished] < strictness[whole] ? wished : whole
  }

  /** A route's mode when `group` is null. False = there is no such route. */
  setMode(route: string, group: KnobGroup | null, mode: Mode): boolean {
    if (this.#routes[route] === undefined) return false
    this.#modes.set(keyOf(route, group ?? ''), mode)
    this.restore(place => place.route === route && this.modeOf(route, place.link.group) === 'off')
    return true
  }

  /** False = there is no such knob. A value is set first. */
  pin(route: string, name: string, value: number | undefined, now: number): boolean {
    const place = [...this.#places()].find(each => each.route === route && each.link.name === name)
    if (place === undefined) return false
    if (value !== undefined) this.#set(place, value, now)
    // Said twice, since the first word may only be what stands already: then nobody but a person moves it any more.
    if (value !== undefined) place.tunable.set(value)
    this.pins.add(route, name)
    return true
  }

  /** For the controller: bounds, where each knob starts, and whose hands it is in. */
  rules(): Record<string, Record<string, KnobRules>> {
    const rules: Record<string, Record<string, KnobRules>> = {}
    for (const { route, link, tunable } of this.#places()) {
      if (link.fromTunable(tunable.configured) === undefined) continue
      const target = targetOf(this.#routes, route, link)
      const pinned = this.pins.has(route, link.name)
      rules[target] ??= {}
      const all = rules[target] as Record<string, KnobRules>
      // A second attempt that is switched off has no least delay.
      const bounds = link.group === 'hedge' ? {} : { min: tunable.min, max: tunable.max }
      const own = { ...bounds, configured: pinned ? tunable.get() : tunable.configured, pinned }
      all[link.knob] = rulesTogether(all[link.knob], own)
    }
    return rules
  }

  /** What is in force of that which the controller may move, in its own words. */
  inForce(): {
    upstreams: Record<string, Record<string, KnobValue>>
    routes: Record<string, Record<string, KnobValue>>
  } {
    const force = { upstreams: {}, routes: {} } as ReturnType<Knobs['inForce']>
    for (const { route, link, tunable } of this.#places()) {
      if (!this.#mayMove(route, link)) continue
      const value = link.fromTunable(tunable.get())
      if (value === undefined) continue
      const part = link.scope === 'upstream' ? force.upstreams : force.routes
      const target = targetOf(this.#routes, route, link)
      part[target] = { ...part[target], [link.knob]: value }
    }
    return force
  }

  /** Sets what may be set. Returns how many values changed. */
  decide(decisions: Decisions, now: number): number {
    let changed = 0
    for (const place of this.#places()) {
      if (!this.#mayMove(place.route, place.link)) continue
      const value = this.#valueIn(decisions, place)
      const number = value === undefined ? null : place.link.toTunable(value, place.tunable.configured)
      if (number !== null && this.#set(place, number, now)) changed++
    }
    return changed
  }

  /** Sets what is only suggested so far, where somebody says so. */
  applySuggestions(belief: Belief, wanted: (route: string, name: string) => boolean, now: number): number {
    let changed = 0
    for (const place of this.#places()) {
      if (this.pins.has(place.route, place.link.name) || !wanted(place.route, place.link.name)) continue
      const number = this.#believed(place, belief)
      const before = place.tunable.get()
      if (number === null || !this.#set(place, number, now)) continue
      const key = keyOf(place.route, place.link.name)
      if (!this.#beforeApplied.has(key)) this.#beforeApplied.set(key, before)
      changed++
    }
    return changed
  }

  /** Undoes what `applySuggestions` set, where nobody has pinned it since. */
  takeBack(now: number): number {
    let changed = 0
    for (const place of this.#places()) {
      const { route, link } = place
      const before = this.#beforeApplied.get(keyOf(route, link.name))
      if (before !== undefined && !this.pins.has(route, link.name) && this.#set(place, before, now)) changed++
    }
    this.#beforeApplied.clear()
    return changed
  }

  /** Back to what is configured. */
  restore(which: (place: Place) => boolean = () => true): number {
    let changed = 0
    for (const place of this.#places()) {
      if (!which(place) || this.pins.has(place.route, place.link.name)) continue
      if (place.tunable.get() === place.tunable.configured) continue
      place.tunable.set(place.tunable.configured)
      this.#since.delete(keyOf(place.route, place.link.name))
      this.#beforeApplied.delete(keyOf(place.route, place.link.name))
      changed++
    }
    return changed
  }

  *status(belief: Belief): Iterable<KnobStatus> {
    for (const place of this.#places()) {
      const { route, link, tunable } = place
      const mode = this.modeOf(route, link.group)
      const believed = mode === 'off' ? null : this.#believed(place, belief)
      const isOpen = believed !== null && believed !== tunable.get() && !this.#mayMove(route, link)
      const { name, unit, words, configured, min, max } = tunable
      const since = this.#since.get(keyOf(route, link.name)) ?? null
      const where = { scope: route, target: targetOf(this.#routes, route, link), name, knob: link.group }
      const status = { ...where, value: tunable.get(), configured, min, max, unit, mode }
      const pinned = this.pins.has(route, link.name)
      yield { ...status, ...(words && { words }), pinned, since, ...(isOpen ? { suggestion: believed } : {}) }
    }
  }

  #believed({ route, link, tunable }: Place, belief: Belief): number | null {
    const value = belief(link.scope, targetOf(this.#routes, route, link), link.knob)
    const number = value === undefined ? null : link.toTunable(value, tunable.configured)
    return number === null ? null : Math.min(tunable.max, Math.max(tunable.min, number))
  }

  #mayMove(route: string, link: KnobLink): boolean {
    return !this.isFrozen && this.modeOf(route, link.group) === 'apply' && !this.pins.holds(route, link)
  }

  #set({ route, link, tunable }: Place, value: number, now: number): boolean {
    const before = tunable.get()
    tunable.set(value)
    if (tunable.get() === before) return false
    this.#since.set(keyOf(route, link.name), now)
    return true
  }

  #valueIn(decisions: Decisions, { route, link }: Place): KnobValue | undefined {
    const part = link.scope === 'upstream' ? decisions.upstreams : decisions.routes
    const knobs = part?.[targetOf(this.#routes, route, link)]
    return (knobs as Record<string, KnobValue> | undefined)?.[link.knob]
  }

  *#places(): Iterable<Place> {
    for (const [route, settings] of Object.entries(this.#routes)) {
      for (const link of knobLinks) {
        const scope = link.scope === 'upstream' ? settings.upstream : route
        const tunable = this.#tunables.find(scope, link.name)
        if (tunable !== undefined) yield { route, link, tunable }
      }
    }
  }
}

/** Routes that share a server share the knob, within the bounds of all; not where they are configured to different values. */
function rulesTogether(known: KnobRules | undefined, own: KnobRules): KnobRules {
  if (known === undefined) return own
  const { configured } = own.pinned && !known.pinned ? own : known
  const pinned = known.pinned || own.pinned || known.configured !== own.configured
  const { min: least = Number.NEGATIVE_INFINITY, max: most = Number.POSITIVE_INFINITY } = known
  return {
    min: Math.max(least, own.min ?? least),
    max: Math.min(most, own.max ?? most),
    ...{ configured, pinned },
  } as KnobRules
}
