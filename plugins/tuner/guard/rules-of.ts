/**
 * Bounds and pins of a knob, wherever the meta of a controller has put them: under its target, under `upstreams` or `routes`
 * as in decisions, or under its own name for all targets. The nearest one counts.
 */
import type { KnobRules } from '../types.ts'

const noRules: KnobRules = {}

export function rulesOf(rules: unknown, target: string, knob: string): KnobRules {
  const upstreams = partOf(rules, 'upstreams')
  const routes = partOf(rules, 'routes')
  return (
    asRules(partOf(partOf(rules, target), knob)) ??
    asRules(partOf(partOf(upstreams, target), knob)) ??
    asRules(partOf(partOf(routes, target), knob)) ??
    asRules(partOf(upstreams, knob)) ??
    asRules(partOf(routes, knob)) ??
    asRules(partOf(rules, knob)) ??
    noRules
  )
}

/** Own ones only: `constructor` is an id like any other. */
function partOf(whole: unknown, name: string): unknown {
  const isRecord = typeof whole === 'object' && whole !== null && Object.hasOwn(whole, name)
  return isRecord ? (whole as Record<string, unknown>)[name] : undefined
}

const names = ['min', 'max', 'configured', 'pinned']

/** Null = it does not hold for one knob, but for several with names of their own, or is nothing of the kind. */
function asRules(found: unknown): KnobRules | null {
  if (typeof found !== 'object' || found === null) return null
  return names.some(name => Object.hasOwn(found, name)) ? found : null
}
