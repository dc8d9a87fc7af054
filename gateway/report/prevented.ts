/**
 * What the gateway kept from going wrong, in totals since the start, out of the signals of the plugins that did it.
 */
import type { Signals } from '../../plugins/contract/index.ts'

export interface Prevented {
  /** Further attempts, whatever became of them. */
  readonly sentAgain: number
  readonly waitedForApp: number
  readonly hedgesWon: number
  readonly ejections: number
  readonly refusedInOverload: number
}

interface Counted {
  readonly signal: string
  /** Value of its label `outcome`; left out = all of it. */
  readonly outcome?: string
}

const countedAs: Readonly<Record<keyof Prevented, Counted>> = {
  sentAgain: { signal: 'retry_attempts_total' },
  waitedForApp: { signal: 'retry_held_total', outcome: 'released' },
  hedgesWon: { signal: 'retry_hedges_total', outcome: 'won' },
  ejections: { signal: 'upstream_ejections_total' },
  refusedInOverload: { signal: 'admission_shed_total' },
}

export function preventedTotals(signals: Signals): Record<string, number> {
  const totals: Record<string, number> = {}
  for (const signal of signals.numbers()) {
    const counted = Object.entries(countedAs).find(([, { signal: name }]) => name === signal.spec.name)
    if (counted === undefined) continue
    const [name, { outcome }] = counted
    const at = signal.spec.labels.indexOf('outcome')
    const meant = [...signal.series()].filter(({ labels }) => outcome === undefined || labels[at] === outcome)
    totals[name] = meant.reduce((sum, { point }) => sum + point.value, 0)
  }
  return totals
}
