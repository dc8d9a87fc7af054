/**
 * Bounds and pins of a knob, wherever the meta of a controller has put them: under its target, under `upstreams` or `routes`
 * as in decisions, or under its own name for all targets. The nearest one counts.
 */
import type { KnobRules } from '../types.ts'

const noRules: KnobRules = {}

export function rulesOf(rules: unknown, target: string, knob: string): KnobRules {
  const places = [
    [target, knob],
    ['upstreams', target, knob],
    ['routes', target, knob],
    ['upstreams', knob],
    ['routes', knob],
    [knob],
  ]
  for (const place of places) {
    const found = place.reduce<unknown>(partOf, rules)
    if (isRules(found)) return found
  }
  return noRules
}

/** Own ones only: `constructor` is an id like any other. */
function partOf(whole: unknown, name: string): unknown {
  const isRecord = typeof whole === 'object' && whole !== null && Object.hasOwn(whole, name)
  return isRecord ? (whole as Record<string, unknown>)[name] : undefined
}

/** What holds for one knob, and not for several with names of their own. */
function isRules(found: unknown): found is KnobRules {
  if (typeof found !== 'object' || found === null) return false
  return ['min', 'max', 'configured', 'pinned'].some(name => Object.hasOwn(found, name))
}
