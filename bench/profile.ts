/** `node bench/profile.ts -w small`: where the gateway's CPU time goes during a load, by --cpu-prof. */
import { mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
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

/** The same Node command with the profiler on. Throws for a program that is not Node. */
function profiled(command: Command, fileName: string): Command {
  if (command.file !== process.execPath) throw new Error(`${command.file} does not run on Node`)
  return {
    ...command,
    args: ['--cpu-prof', `--cpu-prof-dir=${OUT_FOLDER}`, `--cpu-prof-name=${fileName}`, ...command.args],
  }
}

interface Profiled {
  readonly file: string
  readonly span: Span
}

const nowMicroseconds = () => Number(process.hrtime.bigint() / 1000n)

async function profileContender(args: ProfileArguments, session: Session): Promise<Profiled> {
  const { workload, contender, seconds } = args
  if (!takesPart(contender, workload)) throw new Error(`${contender.name} takes no part in ${workload.name}`)
  const found = contender.find()
  if (!found.available) throw new Error(`${contender.name}: ${found.reason}`)
  mkdirSync(OUT_FOLDER, { recursive: true })
  const field: Field = { ...session, workload, cores: chooseCores() }
  writeFiles(field.directory, loadFiles(workload, field.directory))
  const fileName = `${contender.name}-${workload.name}-${Date.now()}.cpuprofile`
  const origin = await startFieldOrigin(field)
  const runner = await startRunner(field, contender, origin, command => profiled(command, fileName))
  const plan = { tool: findLoadTool() }
  await runLoad(field, plan, runner, WARMUP_SECONDS)
  const startTime = nowMicroseconds()
  const load = await runLoad(field, plan, runner, seconds)
  const endTime = nowMicroseconds()
  process.stderr.write(`${Math.round(load.requests / load.seconds)} rps under the profiler\n`)
  // Node writes the profile when the process ends of itself, which SIGTERM makes it do.
  await session.children.stop(runner.child)
  return { file: join(OUT_FOLDER, fileName), span: { startTime, endTime } }
}

async function main(): Promise<void> {
  const args = parseProfileArguments(process.argv.slice(2))
  if (args === null) return void process.stdout.write(`${PROFILE_USAGE}\n`)
  const { file, span } = await withSession(session => profileContender(args, session))
  const profile = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile
  const functions = sumSelfTimes(profile, resolve(import.meta.dirname, '..'), span)
  process.stdout.write(`${renderFunctions(functions, args.top)}\n\n${file}\n`)
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 2
}
