/** Runs cases side by side against one cache. */
import { type CaseRun, runCase } from './run-case.ts'
import type { CacheCase } from './types.ts'

/** Pauses dominate; more at once would crowd the clocks of the cases. */
const SIDE_BY_SIDE = 25

/** Runs all of them; the runs come in the order of the cases. `enforcesPairs`: see `Arrival`. */
export async function runCases(cases: readonly CacheCase[], port: number, enforcesPairs = true): Promise<CaseRun[]> {
  const runs: CaseRun[] = []
  const waiting = cases.entries()
  const work = async () => {
    for (const [at, one] of waiting) runs[at] = await runCase(one, port, enforcesPairs)
  }
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work))
  return runs
}
