/**
 * What is told of one route: where each of its knobs stands beside what is configured, and the last decision about it.
 * Pure, from what a running tuner or its ledger says.
 */
import { knobLinks } from './apply/knob-map.ts'
import type { KnobStatus } from './apply/knobs.ts'
import type { Entry } from './types.ts'

export interface ToldKnob extends Omit<KnobStatus, 'scope'> {
  /** Null where nobody has decided anything about it, as far as the ledger goes back. */
  readonly last: Entry | null
}

export interface TunerFacts {
  readonly knobs: readonly KnobStatus[]
  readonly log: readonly Entry[]
}

/** `upstream`: name of the route's group of origins; what is decided about it holds for the route as well. */
export function tellRoute({ knobs, log }: TunerFacts, route: string, upstream: string): ToldKnob[] {
  return knobs
    .filter(({ scope }) => scope === route)
    .map(({ scope: _, ...knob }) => ({ ...knob, last: lastAbout(knob.name, log, { route, upstream }) }))
}

function lastAbout(name: string, log: readonly Entry[], ids: { readonly route: string; readonly upstream: string }) {
  const link = knobLinks.find(each => each.name === name)
  if (link === undefined) return null
  const isAbout = ({ scope, knob, target }: Entry) =>
    scope === link.scope && knob === link.knob && target === ids[scope]
  return log.findLast(isAbout) ?? null
}

/** When, what, from where to where and why, in one sentence. */
export function tellEntry({ t, target, knob, from, to, hypothesis, expected, measured, verdict }: Entry): string {
  const at = t > 1e11 ? new Date(t).toISOString() : `${Math.round(t / 1000)} s`
  const outcome = measured === '' ? verdict : `${verdict}: ${measured}`
  return `${at} ${target} ${knob}: ${JSON.stringify(from)} to ${JSON.stringify(to)}, because ${hypothesis}; expected: ${expected} (${outcome})`
}
