/** `node bench/profile.ts -w small`: where the gateway's CPU time goes during a load, or who makes its garbage. */
import { mkdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { type AllocationProfile, renderAllocations, sumAllocations } from './allocation-profile.ts'
import { PROFILE_USAGE, type ProfileArguments, parseProfileArguments } from './arguments.ts'
import type { Command } from './command.ts'
import { takesPart } from './contenders/index.ts'
import { type CpuProfile, renderFunctions, type Span, sumSelfTimes } from './cpu-profile.ts'
import { type Field, startFieldOrigin, startRunner } from './field.ts'
import { writeFiles } from './files.ts'
import { findLoadTool, loadFiles } from './load.ts'
import { chooseCores } from './machine.ts'
import { runLoad } from './measure.ts'
import { type Session, withSession } from './session.ts'

/** Time for V8 to compile what is hot. */
const WARMUP_SECONDS = 2
const OUT_FOLDER = join(import.meta.dirname, 'out')

/** A kind of profile: the command's way of making it in `file`, and what is read from that. */
interface Kind {
  readonly extension: string
  change(command: Command, file: string): Command
  /** Called when the program is warm. */
  begin(pid: number): void
  render(file: string, load: Loaded, top: number): string
}

/** The loaded part, without start-up and warm-up. */
interface Loaded {
  readonly span: Span
  readonly requests: number
}

const PROJECT = resolve(import.meta.dirname, '..')

const CPU_TIME: Kind = {
  extension: 'cpuprofile',
  change: (command, file) => ({
    ...command,
    args: ['--cpu-prof', `--cpu-prof-dir=${dirname(file)}`, `--cpu-prof-name=${basename(file)}`, ...command.args],
  }),
  begin: () => {},
  render: (file, { span }, top) => renderFunctions(sumSelfTimes(readProfile<CpuProfile>(file), PROJECT, span), top),
}

const ALLOCATIONS: Kind = {
  extension: 'heapprofile',
  change: (command, file) => ({
    ...command,
    args: ['--import', join(import.meta.dirname, 'allocation-recorder.ts'), ...command.args],
    env: { ...command.env, HG_ALLOCATIONS: file },
  }),
  begin: pid => void process.kill(pid, 'SIGUSR2'),
  render: (file, { requests }, top) =>
    renderAllocations(sumAllocations(readProfile<AllocationProfile>(file), PROJECT), top, requests),
}

const readProfile = <T>(file: string): T => JSON.parse(readFileSync(file, 'utf8')) as T

/** The same Node command, observed. Throws for a program that is not Node. */
function profiled(kind: Kind, command: Command, file: string): Command {
  if (command.file !== process.execPath) throw new Error(`${command.file} does not run on Node`)
  return kind.change(command, file)
}

const nowMicroseconds = () => Number(process.hrtime.bigint() / 1000n)

interface Profiled extends Loaded {
  readonly file: string
}

async function profileContender(kind: Kind, args: ProfileArguments, session: Session): Promise<Profiled> {
  const { workload, contender, seconds } = args
  if (!takesPart(contender, workload)) throw new Error(`${contender.name} takes no part in ${workload.name}`)
  const found = contender.find()
  if (!found.available) throw new Error(`${contender.name}: ${found.reason}`)
  mkdirSync(OUT_FOLDER, { recursive: true })
  const field: Field = { ...session, workload, cores: chooseCores() }
  writeFiles(field.directory, loadFiles(workload, field.directory))
  const file = join(OUT_FOLDER, `${contender.name}-${workload.name}-${Date.now()}.${kind.extension}`)
  const origin = await startFieldOrigin(field)
  const runner = await startRunner(field, contender, origin, command => profiled(kind, command, file))
  const plan = { tool: findLoadTool() }
  await runLoad(field, plan, runner, WARMUP_SECONDS)
  kind.begin(runner.child.pid)
  const startTime = nowMicroseconds()
  const load = await runLoad(field, plan, runner, seconds)
  const endTime = nowMicroseconds()
  process.stderr.write(`${Math.round(load.requests / load.seconds)} rps under the profiler\n`)
  // The profile is written when the process ends of itself, which SIGTERM makes it do.
  await session.children.stop(runner.child)
  return { file, span: { startTime, endTime }, requests: load.requests }
}

async function main(): Promise<void> {
  const args = parseProfileArguments(process.argv.slice(2))
  if (args === null) return void process.stdout.write(`${PROFILE_USAGE}\n`)
  const kind = args.allocations ? ALLOCATIONS : CPU_TIME
  const { file, ...load } = await withSession(session => profileContender(kind, args, session))
  process.stdout.write(`${kind.render(file, load, args.top)}\n\n${file}\n`)
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 2
}
