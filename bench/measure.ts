/** One workload: all contenders are started and warmed, then loaded in turn, A B C A B C, and each turn is a sample. */
import { measureStoredShare, pathOfLoad } from './cache-check.ts'
import { pinned } from './command.ts'
import { type Contender, takesPart } from './contenders/index.ts'
import { type Field, type Runner, startFieldOrigin, startRunner } from './field.ts'
import { writeFiles } from './files.ts'
import { type LoadResult, type LoadTool, loadFiles, toolFor } from './load.ts'
import { countSettled, type Origin } from './origin.ts'
import { readBusySeconds, readProcesses, sumTree } from './proc-stat.ts'
import type { Child } from './processes.ts'
import { median, type Row, type Sample, summarise } from './statistics.ts'
import { answerBytesOf, type CacheUse, type Coding } from './workloads.ts'

/** Time that a load may take beyond its own seconds. */
const LOAD_GRACE_MS = 20_000

export interface Plan {
  readonly contenders: readonly Contender[]
  readonly rounds: number
  readonly seconds: number
  readonly warmupSeconds: number
  readonly tool: LoadTool
  /** Told what is going on, a line at a time. */
  readonly report: (line: string) => void
}

export interface Failure {
  readonly contender: string
  readonly reason: string
}

export interface WorkloadResult {
  readonly workload: string
  readonly title: string
  readonly origin: string
  readonly rounds: number
  /** Median over all samples, cores. */
  readonly foreignCores: number
  /** By CPU time a request, cheapest first. */
  readonly rows: readonly Row[]
  readonly failures: readonly Failure[]
  readonly samples: Readonly<Record<string, readonly Sample[]>>
  readonly connections: number
  /** Of one answer, for CPU seconds a GB. */
  readonly answerBytes: number
  /** Whether answers come from the cache or are stored in it; null = neither. */
  readonly cache: CacheUse['answers'] | null
  /** What answers are encoded with; then their bytes are a result. */
  readonly coding: Coding | null
}

/** Runs a whole workload. Everything it started has ended when it returns or throws. */
export async function measureWorkload(field: Field, plan: Plan): Promise<WorkloadResult> {
  writeFiles(field.directory, loadFiles(field.workload, field.directory))
  try {
    const origin = await startFieldOrigin(field)
    const { runners, failures } = await startAll(field, plan, origin)
    const samples = await runRounds(field, plan, { origin, runners, failures })
    return toResult(field, plan, { origin, failures, samples })
  } finally {
    await field.children.stopAll()
  }
}

/** Starts, checks and warms each contender. */
async function startAll(field: Field, plan: Plan, origin: Origin) {
  const runners: Runner[] = []
  const failures: Failure[] = []
  for (const contender of plan.contenders) {
    if (!takesPart(contender, field.workload)) continue
    try {
      const runner = await startRunner(field, contender, origin)
      await runLoad(field, plan, runner, plan.warmupSeconds)
      runners.push(runner)
    } catch (error) {
      failures.push({ contender: contender.name, reason: messageOf(error) })
      plan.report(`${contender.name}: ${messageOf(error)}`)
    }
  }
  return { runners, failures }
}

interface Course {
  readonly origin: Origin
  readonly runners: readonly Runner[]
  /** Added to where a contender ends during the rounds; it then has no row. */
  readonly failures: Failure[]
}

async function runRounds(
  field: Field,
  plan: Plan,
  { origin, runners, failures }: Course,
): Promise<Map<string, Sample[]>> {
  const samples = new Map(runners.map(({ contender }) => [contender.name, [] as Sample[]]))
  for (let round = 1; round <= plan.rounds; round++) {
    for (const runner of runners) {
      const { name } = runner.contender
      const own = samples.get(name)
      if (own === undefined) continue
      try {
        const sample = await takeSample(field, plan, origin, runner)
        own.push(sample)
        plan.report(`${field.workload.name} ${round}/${plan.rounds} ${name}: ${describeSample(sample)}`)
      } catch (error) {
        samples.delete(name)
        failures.push({ contender: name, reason: messageOf(error) })
        plan.report(`${name}: ${messageOf(error)}`)
      }
    }
  }
  return samples
}

async function takeSample(field: Field, plan: Plan, origin: Origin, runner: Runner): Promise<Sample> {
  const seenBefore = await countSettled(origin)
  const before = readUse(runner.child.pid)
  const { url, ...load } = await runLoad(field, plan, runner, plan.seconds)
  const after = readUse(runner.child.pid)
  if (load.requests === 0) throw new Error('answered no request of a round')
  const upstreamRequests = (await countSettled(origin)) - seenBefore
  const { cache, connections } = field.workload
  const finished = { url, requests: load.requests, connections }
  const storedShare = cache?.answers === 'miss' ? await measureStoredShare(finished, origin) : null
  return { ...load, ...spentBetween(before, after), upstreamRequests, storedShare }
}

type Use = ReturnType<typeof readUse>

function spentBetween(before: Use, after: Use): Pick<Sample, 'cpuSeconds' | 'residentBytes' | 'foreignCores'> {
  const seconds = (after.atMs - before.atMs) / 1000
  const foreignSeconds = after.busySeconds - before.busySeconds - (after.benchSeconds - before.benchSeconds)
  return {
    cpuSeconds: after.tree.cpuSeconds - before.tree.cpuSeconds,
    residentBytes: after.tree.residentBytes,
    foreignCores: Math.max(0, foreignSeconds / seconds),
  }
}

/** The bench is the parent of contenders, origin and load: its own tree is all that is not foreign. */
function readUse(pid: number) {
  const processes = readProcesses()
  return {
    atMs: performance.now(),
    tree: sumTree(processes, pid),
    benchSeconds: sumTree(processes, process.pid).cpuSeconds,
    busySeconds: readBusySeconds(),
  }
}

/** One load of a contender to its end. Throws where the load tool fails or the contender ends meanwhile. */
export async function runLoad(
  field: Field,
  plan: Pick<Plan, 'tool'>,
  runner: Runner,
  seconds: number,
): Promise<LoadResult & { readonly url: string }> {
  const { workload, directory, children, cores } = field
  const url = runner.base + pathOfLoad(workload)
  const tool = toolFor(workload, plan.tool)
  const command = tool.command({ url, workload, seconds, directory })
  await throwIfEnded(runner.child)
  const stdout = await children.run(tool.name, pinned(command, cores.load), seconds * 1000 + LOAD_GRACE_MS)
  await throwIfEnded(runner.child)
  return { ...tool.parse(stdout, directory), url }
}

async function throwIfEnded(child: Child): Promise<void> {
  if (child.hasEnded()) throw new Error(`ended with ${await child.ended}: ${child.stderr().trim().slice(-500)}`)
}

interface Outcome {
  readonly origin: Origin
  readonly failures: readonly Failure[]
  readonly samples: ReadonlyMap<string, readonly Sample[]>
}

function toResult(field: Field, plan: Plan, { origin, failures, samples }: Outcome): WorkloadResult {
  const rows = [...samples].map(([name, own]) => summarise(name, own))
  return {
    workload: field.workload.name,
    title: field.workload.title,
    origin: origin.program,
    rounds: plan.rounds,
    foreignCores: median([...samples.values()].flat().map(sample => sample.foreignCores)),
    rows: rows.toSorted((a, b) => a.cpuMs - b.cpuMs),
    failures,
    samples: Object.fromEntries(samples),
    connections: field.workload.connections,
    answerBytes: answerBytesOf(field.workload),
    cache: field.workload.cache?.answers ?? null,
    coding: field.workload.coding,
  }
}

function describeSample(sample: Sample): string {
  const cpuMs = ((sample.cpuSeconds * 1000) / sample.requests).toFixed(4)
  const rps = Math.round(sample.requests / sample.seconds)
  return `${cpuMs} CPU ms/req, ${rps} rps, foreign ${sample.foreignCores.toFixed(1)}`
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
