/**
 * What is told of the tuner's knobs: where those of a route stand beside what is configured, the last decision about each,
 * and what would change if somebody said yes. Pure, from what a running tuner or its ledger says.
 */
import { knobLinks } from './apply/knob-map.ts'
import type { KnobStatus } from './apply/knobs.ts'
import type { Entry } from './types.ts'

export interface ToldKnob extends Omit<KnobStatus, 'scope'> {
  /** Null where nobody has decided anything about it, as far as the ledger goes back. */
  readonly last: Entry | null
}

/** One change that waits for a person. */
export interface Suggestion {
  readonly scope: string
  readonly name: string
  readonly from: number
  readonly to: number
  readonly unit: string
  readonly words?: readonly string[]
  /** Why the knob is not moved without being told to. */
  readonly heldBy: 'frozen' | 'suggest' | 'observe'
  readonly reason: string
  /** What it is expected to bring. */
  readonly expected: string
  readonly evidence: Entry['evidence']
  /** When it was thought of, ms since 1970; null = it is where the tuner starts from. */
  readonly t: number | null
}

export interface TunerFacts {
  readonly knobs: readonly KnobStatus[]
  readonly log: readonly Entry[]
}

export function tellRoute({ knobs, log }: TunerFacts, route: string): ToldKnob[] {
  return knobs
    .filter(({ scope }) => scope === route)
    .map(knob => {
      const { scope: _, ...rest } = knob
      return { ...rest, last: lastAbout(knob, log) }
    })
}

/** A pinned knob is nobody's to move, so that nothing is suggested for it. */
export function tellSuggestions({ knobs, log }: TunerFacts, isFrozen: boolean): Suggestion[] {
  return knobs.flatMap(knob => {
    const { scope, name, value, unit, words, mode, pinned, suggestion } = knob
    if (suggestion === undefined || pinned || mode === 'off') return []
    const heldBy = mode === 'apply' || isFrozen ? 'frozen' : mode
    const last = lastAbout(knob, log)
    const { hypothesis: reason, expected, evidence, t } = last ?? atTheStart
    return [
      {
        scope,
        name,
        from: value,
        to: suggestion,
        unit,
        ...(words && { words }),
        heldBy,
        reason,
        expected,
        evidence,
        t,
      },
    ]
  })
}

const atTheStart = {
  hypothesis: 'the tuner starts here with an upstream that it knows nothing of',
  expected: 'a start that suits most upstreams',
  evidence: {},
  t: null,
}

function lastAbout({ name, scope: route, target = route }: Partial<KnobStatus>, log: readonly Entry[]): Entry | null {
  const link = knobLinks.find(each => each.name === name)
  if (link === undefined) return null
  const isAbout = (entry: Entry) => entry.scope === link.scope && entry.knob === link.knob && entry.target === target
  return log.findLast(isAbout) ?? null
}

/** When, what, from where to where and why, in one sentence. */
export function tellEntry({ t, target, knob, from, to, hypothesis, expected, measured, verdict }: Entry): string {
  const at = t > 1e11 ? new Date(t).toISOString() : `${Math.round(t / 1000)} s`
  const outcome = measured === '' ? verdict : `${verdict}: ${measured}`
  return `${at} ${target} ${knob}: ${JSON.stringify(from)} to ${JSON.stringify(to)}, because ${hypothesis}; expected: ${expected} (${outcome})`
}
