/** All cases with their functions, in the order of `cases.json`. */
import { readFileSync } from 'node:fs'
import { cache } from './cache.ts'
import { cacheOfBodies } from './cache-bodies.ts'
import { cacheOfPersons } from './cache-persons.ts'
import { faults } from './faults.ts'
import { faultsOfPools } from './faults-pool.ts'
import { headers } from './headers.ts'
import { headersOfAnswers } from './headers-answers.ts'
import { leak } from './leak.ts'
import { limits } from './limits.ts'
import { limitsOfAnswers } from './limits-answers.ts'
import { limitsH2 } from './limits-h2.ts'
import { load } from './load.ts'
import { normalisation } from './normalisation.ts'
import { smuggling } from './smuggling.ts'
import { runBytes } from './smuggling-bytes.ts'
import { smugglingH2 } from './smuggling-h2.ts'
import { streaming } from './streaming.ts'
import type { CaseFunction, FaultCase } from './types.ts'
import { websocket } from './websocket.ts'

const functions: Readonly<Record<string, CaseFunction>> = {
  ...smuggling,
  ...smugglingH2,
  ...normalisation,
  ...headers,
  ...headersOfAnswers,
  ...limits,
  ...limitsOfAnswers,
  ...limitsH2,
  ...faults,
  ...faultsOfPools,
  ...websocket,
  ...streaming,
  ...load,
  ...leak,
  ...cache,
  ...cacheOfPersons,
  ...cacheOfBodies,
}

const file = new URL('./cases.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: FaultCase[] }

export interface RunnableCase {
  readonly fault: FaultCase
  /** Null: not run, and why. */
  readonly fn: CaseFunction | null
  readonly skip: string
}

function runnable(fault: FaultCase): RunnableCase {
  const isBytes = fault.category === 'smuggling' && fault.sends.includes('\r\n')
  const fn = functions[fault.name] ?? (isBytes ? runBytes : null)
  return { fault, fn, skip: 'no function' }
}

export const allCases: readonly RunnableCase[] = cases.map(runnable)
