/** `npm run bench`: CPU time a request of the gateway and its rivals, in interleaved rounds. See docs/performance.md. */
import { writeFileSync } from 'node:fs'
import { parseRunArguments, RUN_USAGE, type RunArguments } from './arguments.ts'
import { aboutOf, type Contender } from './contenders/index.ts'
import { findLoadTool } from './load.ts'
import { chooseCores, describeMachine } from './machine.ts'
import { measureWorkload, type WorkloadResult } from './measure.ts'
import { type Session, withSession } from './session.ts'
import { type BenchResult, type Contestant, renderReport, renderWorkload, type Skipped } from './table.ts'

const report = (line: string) => void process.stderr.write(`${line}\n`)

function sortOut({ contenders, workloads }: RunArguments) {
  const present: Contender[] = []
  const contestants: Contestant[] = []
  const skipped: Skipped[] = []
  for (const contender of contenders) {
    const { name } = contender
    const about = aboutOf(contender, workloads)
    if (about === '') continue
    const found = contender.find()
    if (found.available) {
      present.push(contender)
      contestants.push({ name, version: found.version, about })
    } else {
      skipped.push({ name, reason: found.reason })
      report(`${name}: skipped, ${found.reason}`)
    }
  }
  return { present, contestants, skipped }
}

async function runAll(args: RunArguments, session: Session): Promise<BenchResult> {
  const { present, contestants, skipped } = sortOut(args)
  const cores = chooseCores()
  const tool = findLoadTool()
  const { rounds, seconds, warmupSeconds } = args
  const plan = { contenders: present, rounds, seconds, warmupSeconds, tool, report }
  const workloads: WorkloadResult[] = []
  for (const workload of args.workloads) {
    const result = await measureWorkload({ ...session, workload, cores }, plan)
    report(`\n${renderWorkload(result)}\n`)
    workloads.push(result)
  }
  const command = ['npm run bench --', ...process.argv.slice(2)].join(' ')
  const machine = describeMachine(tool.name, cores)
  return { date: new Date().toISOString(), command, machine, contenders: contestants, skipped, workloads }
}

async function main(): Promise<number> {
  const args = parseRunArguments(process.argv.slice(2))
  if (args === null) {
    process.stdout.write(`${RUN_USAGE}\n`)
    return 0
  }
  if (process.platform !== 'linux') throw new Error('the bench reads /proc and runs on Linux only')
  const result = await withSession(session => runAll(args, session))
  const markdown = renderReport(result)
  if (args.json !== null) writeFileSync(args.json, `${JSON.stringify(result, null, 2)}\n`)
  if (args.markdown === null) process.stdout.write(markdown)
  else writeFileSync(args.markdown, markdown)
  return result.workloads.some(({ failures }) => failures.length > 0) ? 1 : 0
}

try {
  process.exitCode = await main()
} catch (error) {
  report(error instanceof Error ? error.message : String(error))
  process.exitCode = 2
}
