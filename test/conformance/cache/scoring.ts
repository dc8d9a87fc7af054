/** From endings to results: dependencies, the word for each kind of case, and which misses are known. */
import type { KnownMisses } from './misses.ts'
import type { CaseRun } from './run-case.ts'
import type { CacheCase } from './types.ts'

/**
 * `fail`, `suboptimal` and `no` are the answers "no" of the three kinds. `setup`, `retry`, `timeout` and `dependency`
 * say that the case does not count, because it could not be asked or rests on another that did not hold.
 */
export type Outcome = 'pass' | 'fail' | 'suboptimal' | 'yes' | 'no' | 'setup' | 'retry' | 'timeout' | 'dependency'

export interface Result {
  readonly one: CacheCase
  readonly outcome: Outcome
  /** What was missed; '' where nothing was. */
  readonly note: string
  /** Why a miss is accepted; null for a miss that nobody explained, and for what is none. */
  readonly known: string | null
  readonly run: CaseRun
}

/** A required or optimal case that did not pass. A question (`check`) has no right answer. */
export function isMiss({ one, outcome }: Result): boolean {
  return one.kind !== 'check' && outcome !== 'pass'
}

/** A miss that is not in the table, or a pass that still is: both end a run with a failure. */
export function isSurprise(result: Result): boolean {
  return isMiss(result) ? result.known === null : result.known !== null
}

/** The results of runs, in their order. A dependency that did not run counts as held. */
export function score(runs: readonly CaseRun[], known: KnownMisses): Result[] {
  const byId = new Map(runs.map(run => [run.one.id, run]))
  return runs.map(run => {
    const blocker = blockerOf(run.one, byId)
    const outcome = blocker === null ? outcomeOf(run) : 'dependency'
    const message = run.ending.type === 'held' ? '' : `${run.ending.type}: ${run.ending.message}`
    const note = blocker === null ? message : `rests on ${blocker}${message === '' ? '' : `; ${message}`}`
    return { one: run.one, outcome, note, known: known[run.one.id] ?? known[blocker ?? ''] ?? null, run }
  })
}

/** The deepest case on the way down that did not hold, or null. */
function blockerOf(one: CacheCase, byId: ReadonlyMap<string, CaseRun>): string | null {
  for (const id of one.depends_on ?? []) {
    const run = byId.get(id)
    if (run === undefined) continue
    const deeper = blockerOf(run.one, byId)
    if (deeper !== null) return deeper
    if (run.ending.type !== 'held') return id
  }
  return null
}

function outcomeOf({ one, ending }: CaseRun): Outcome {
  if (ending.type === 'held') return one.kind === 'check' ? 'yes' : 'pass'
  if (ending.type === 'Setup') return ending.message === 'retry' ? 'retry' : 'setup'
  if (ending.type === 'AbortError') return 'timeout'
  if (one.kind === 'check') return 'no'
  return one.kind === 'required' ? 'fail' : 'suboptimal'
}
