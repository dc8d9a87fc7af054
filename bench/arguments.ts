/** The command lines of `run.ts` and `profile.ts`: what is asked for, checked before anything is started. */
import { parseArgs } from 'node:util'
import { CONTENDERS, type Contender, OWN_CONTENDERS } from './contenders/index.ts'
import { DEFAULT_WORKLOADS, WORKLOADS, type Workload } from './workloads.ts'

export interface RunArguments {
  readonly workloads: readonly Workload[]
  readonly contenders: readonly Contender[]
  readonly rounds: number
  /** Of load a round. */
  readonly seconds: number
  /** Of load before the first round, for each contender. */
  readonly warmupSeconds: number
  /** Files to write, null = none. */
  readonly json: string | null
  readonly markdown: string | null
}

export interface ProfileArguments {
  readonly workload: Workload
  readonly contender: Contender
  readonly seconds: number
  /** What they allocate in place of their time. */
  readonly allocations: boolean
  /** Functions to print. */
  readonly top: number
}

export const RUN_USAGE = `npm run bench -- [-w WORKLOAD,…] [-c CONTENDER,…] [--rounds 4] [--seconds 4] [--warmup 2] [--json FILE] [--md FILE]
  workloads:  ${WORKLOADS.map(({ name }) => name).join(' ')} (default: ${DEFAULT_WORKLOADS.join(',')})
  contenders: ${CONTENDERS.map(({ name }) => name).join(' ')} (default: all that are installed;
              each workload takes those that can do it)
  only by name: ${OWN_CONTENDERS.map(({ name }) => name).join(' ')}
  npm run bench:observing prints what observing costs: nothing, the defaults, the log, all of it`

export const PROFILE_USAGE = `node bench/profile.ts [-w WORKLOAD] [-c CONTENDER] [--seconds 5] [--top 30] [--allocations]
  contender:  hearthgate (default) or another one that runs on Node
  --allocations: who makes the garbage of a request, in place of where its CPU time goes`

/** Reads the arguments of `run.ts`; null where help was asked for. Throws with a line for the user. */
export function parseRunArguments(args: readonly string[]): RunArguments | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      workload: { type: 'string', short: 'w', default: DEFAULT_WORKLOADS.join(',') },
      contender: { type: 'string', short: 'c', default: CONTENDERS.map(({ name }) => name).join(',') },
      rounds: { type: 'string', default: '4' },
      seconds: { type: 'string', default: '4' },
      warmup: { type: 'string', default: '2' },
      json: { type: 'string' },
      md: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return null
  return {
    workloads: selectNamed('workload', WORKLOADS, values.workload),
    contenders: selectNamed('contender', [...CONTENDERS, ...OWN_CONTENDERS], values.contender),
    rounds: wholeNumber('rounds', values.rounds, 100),
    seconds: wholeNumber('seconds', values.seconds, 600),
    warmupSeconds: wholeNumber('warmup', values.warmup, 60),
    json: values.json ?? null,
    markdown: values.md ?? null,
  }
}

/** Reads the arguments of `profile.ts`; null where help was asked for. Throws with a line for the user. */
export function parseProfileArguments(args: readonly string[]): ProfileArguments | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      workload: { type: 'string', short: 'w', default: 'small' },
      contender: { type: 'string', short: 'c', default: 'hearthgate' },
      seconds: { type: 'string', default: '5' },
      top: { type: 'string', default: '30' },
      allocations: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return null
  return {
    workload: selectNamed('workload', WORKLOADS, values.workload)[0]!,
    contender: selectNamed('contender', [...CONTENDERS, ...OWN_CONTENDERS], values.contender)[0]!,
    seconds: wholeNumber('seconds', values.seconds, 600),
    allocations: values.allocations,
    top: wholeNumber('top', values.top, 1000),
  }
}

/** Those of `known` that a comma-separated list names, in the list's order. Throws on an unknown name. */
function selectNamed<T extends { readonly name: string }>(what: string, known: readonly T[], list: string): T[] {
  return list.split(',').map(name => {
    const found = known.find(candidate => candidate.name === name.trim())
    if (found !== undefined) return found
    throw new Error(`no ${what} "${name}"; there are: ${known.map(candidate => candidate.name).join(', ')}`)
  })
}

function wholeNumber(name: string, text: string, max: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1 && value <= max) return value
  throw new Error(`--${name} must be a whole number from 1 to ${max}, not "${text}"`)
}
