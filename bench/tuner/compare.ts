/**
 * All contenders in a list of worlds, each against the best fixed setting of its world, and the rows of the bars.
 */
import { barsOf, formatBars, percent, type Row } from './bars.ts'
import { contenders } from './contenders.ts'
import { allFixed, bestFixed } from './oracle.ts'
import { simulate } from './simulate.ts'
import type { World } from './world.ts'

export interface Run {
  readonly world: World
  readonly seed: number
  /** Runs of the same group are one world in several sizes. */
  readonly group?: string
}

interface Comparison {
  readonly runs: readonly Run[]
  readonly names: readonly string[]
  readonly demands: { readonly mean: number; readonly worst: number }
}

export function compare(title: string, { runs, names, demands }: Comparison): void {
  console.log(`\n## ${title}\n`)
  console.log('world'.padEnd(26), 'best fixed'.padStart(10), ...names.map(name => name.padStart(11)))
  const fixed = commonFixed(runs)
  const rows: Row[] = []
  for (const run of runs) {
    const own = names.map(contender => rowOf(run, contender, fixed))
    rows.push(...own)
    const best = bestFixed(run.world, run.seed).score.toFixed(4)
    const cells = own.map(({ regret }) => percent(regret).padStart(11))
    console.log(`${run.world.id} (${run.seed})`.padEnd(26), best.padStart(10), ...cells)
  }
  printSums(rows, names)
  const bars = barsOf(rows, demands)
  if (bars.length > 0) console.log(`\n${formatBars(bars)}`)
}

function rowOf({ world, seed, group }: Run, contender: string, fixed: ReadonlyMap<string, string>): Row {
  const policy = contenders[contender]
  if (policy === undefined) throw new Error(`there is no contender ${contender}`)
  const oracle = bestFixed(world, seed)
  const { score, attemptsPerRequest: attempts, changesPerHour, minutes } = simulate(world, policy(world), { seed })
  const label = group === undefined ? undefined : fixed.get(group)
  const common = label === undefined ? null : (allFixed(world, seed)[label] ?? 0)
  const regret = (value: number) => (oracle.score - value) / oracle.score
  return {
    world,
    seed,
    contender,
    score,
    regret: regret(score),
    attempts,
    changesPerHour,
    converged: convergedAt(minutes, oracle.minutes),
    fixedRegret: common === null ? null : regret(common),
  }
}

/** By group, the label of the one fixed setting with the best mean over all sizes. */
function commonFixed(runs: readonly Run[]): Map<string, string> {
  const sums = new Map<string, Map<string, number>>()
  for (const { world, seed, group } of runs) {
    if (group === undefined) continue
    const own = sums.get(group) ?? new Map<string, number>()
    sums.set(group, own)
    for (const [label, score] of Object.entries(allFixed(world, seed))) own.set(label, (own.get(label) ?? 0) + score)
  }
  const best = (scores: Map<string, number>) => [...scores].toSorted((a, b) => b[1] - a[1])[0]?.[0] ?? ''
  return new Map([...sums].map(([group, scores]) => [group, best(scores)]))
}

function printSums(rows: readonly Row[], names: readonly string[]): void {
  console.log('\ncontender   mean regret      worst  attempts/request  changes/h  within a minute')
  for (const name of names) {
    const own = rows.filter(({ contender }) => contender === name)
    const mean = (read: (row: Row) => number) => own.reduce((sum, row) => sum + read(row), 0) / own.length
    const cells = [
      percent(mean(({ regret }) => regret)).padStart(11),
      percent(Math.max(...own.map(({ regret }) => regret))).padStart(10),
      mean(({ attempts }) => attempts)
        .toFixed(3)
        .padStart(17),
      mean(({ changesPerHour }) => changesPerHour)
        .toFixed(0)
        .padStart(10),
      `${own.filter(({ converged }) => converged <= 1).length} of ${own.length}`.padStart(16),
    ]
    console.log(name.padEnd(11), ...cells)
  }
}

/**
 * The longest stretch of minutes below 95 % of the best fixed setting's in the same minute: from the start, or from where
 * the world changed.
 */
function convergedAt(minutes: readonly number[], best: readonly (number | null)[]): number {
  let longest = 0
  let stretch = 0
  minutes.forEach((score, minute) => {
    stretch = score < 0.95 * (best[minute] ?? 0) ? stretch + 1 : 0
    longest = Math.max(longest, stretch)
  })
  return longest
}
