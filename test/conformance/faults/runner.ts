/** Runs cases one after another, one lab for each category, and hands out their results. */
import { randomBytes } from 'node:crypto'
import { RawClient } from '../../support/raw-client.ts'
import { type Lab, openLab, type UpstreamClient } from './lab.ts'
import { explainMiss } from './misses.ts'
import type { RunnableCase } from './registry.ts'
import type { CaseFunction, CaseRun, FaultCase } from './types.ts'

const CASE_LIMIT_MS = 60_000

export interface Result {
  readonly fault: FaultCase
  readonly outcome: 'passed' | 'failed' | 'explained' | 'skipped'
  /** Why it failed or was skipped, or what the case remarks. */
  readonly note: string
  readonly ms: number
}

/** Runs the cases of one category in a lab of its own. */
export async function runCategory(
  cases: readonly RunnableCase[],
  onResult: (result: Result) => void,
  client: UpstreamClient = 'native',
): Promise<void> {
  let lab: Lab | null = null
  try {
    for (const { fault, fn, skip } of cases) {
      if (fn === null) {
        onResult({ fault, outcome: 'skipped', note: skip, ms: 0 })
        continue
      }
      lab ??= await openLab(client)
      onResult(await runCase(lab, fault, fn))
      if (lab.isAlive()) continue
      await lab.close()
      lab = null
    }
  } finally {
    await lab?.close()
  }
}

async function runCase(lab: Lab, fault: FaultCase, fn: CaseFunction): Promise<Result> {
  lab.forget()
  lab.decoy.connections = 0
  const cleanups: (() => unknown)[] = []
  const start = performance.now()
  const result = (outcome: Result['outcome'], note: string) => ({ fault, outcome, note, ms: performance.now() - start })
  try {
    const note = await limited(fn(makeRun(lab, fault, cleanups)))
    if (!lab.isAlive()) return result('failed', `the gateway ended: ${lab.gateway.log().slice(-500)}`)
    return result('passed', note ?? '')
  } catch (error) {
    const text = (error as Error).name === 'Miss' ? (error as Error).message : String((error as Error).stack)
    const ended = lab.isAlive() ? '' : ` (the gateway ended: ${lab.gateway.log().slice(-500)})`
    const why = lab.isAlive() ? explainMiss(fault.name, text, lab.client) : null
    return why === null ? result('failed', text + ended) : result('explained', why)
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup()
  }
}

function makeRun(lab: Lab, fault: FaultCase, cleanups: (() => unknown)[]): CaseRun {
  const cleanup = (fn: () => unknown) => void cleanups.push(fn)
  return {
    lab,
    fault,
    id: `q${randomBytes(5).toString('hex')}`,
    cleanup,
    client: () => {
      const client = new RawClient(lab.port)
      cleanup(() => client.close())
      return client
    },
  }
}

async function limited<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done in ${CASE_LIMIT_MS} ms`)), CASE_LIMIT_MS)
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}
