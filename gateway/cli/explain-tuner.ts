/**
 * The part of `hearthgate explain` about the tuner, as lines for people; and what the ledger in the state folder knows.
 */
import { readLedger, tellEntry } from '../../plugins/tuner/index.ts'
import type { TunerDecision, TunerKnowledge } from '../explain/index.ts'

/** Null where no gateway has written a ledger there, or only one that is too old to be worth anything. */
export function knowledgeFrom(stateDir: string, now: number): TunerKnowledge | null {
  const ledger = readLedger(stateDir, now)
  if (ledger === null) return null
  return { source: 'ledger', at: new Date(ledger.savedAt).toISOString(), knobs: ledger.knobs, log: ledger.entries }
}

/** Rows of a table with two columns: what is told, and the telling. */
export function tunerRows({ mode, ownModes, policy, source, at, knobs }: TunerDecision): [string, string][] {
  if (mode === 'off') return [['mode', 'off: every knob stands as configured']]
  const own = Object.entries(ownModes).map(([knob, other]) => `, ${knob}: ${other}`)
  const shown = knobs.filter(knob => isMoved(knob) || knob.last !== null)
  const rest = knobs.length - shown.length
  return [
    ['mode', `${mode} (policy ${policy})${own.join('')}`],
    ['known from', sourceText(source, at)],
    ...shown.flatMap(knobRows),
    ...(rest > 0 ? [['', `${rest} ${shown.length === 0 ? '' : 'other '}knobs stand as configured`] as const] : []),
  ].map(([name = '', text = '']) => [name, text])
}

function sourceText(source: TunerDecision['source'], at: string | null): string {
  if (source === 'running') return 'the running gateway'
  if (source === 'ledger') return `the ledger of ${at}; --live asks the running gateway`
  return 'nothing: no ledger in state_dir'
}

type Knob = TunerDecision['knobs'][number]

function isMoved({ value, configured, pinned, suggestion }: Knob): boolean {
  return value !== configured || pinned || suggestion !== undefined
}

function knobRows({ name, value, configured, mode, pinned, suggestion, last }: Knob): [string, string][] {
  const would = suggestion === undefined ? '' : `, would set ${suggestion}`
  const stands = value === configured ? `${value}, as configured` : `${value}, configured ${configured}`
  const row: [string, string] = [name, `${stands} (${mode}${pinned ? ', pinned' : ''}${would})`]
  return last === null ? [row] : [row, ['', tellEntry(last)]]
}
