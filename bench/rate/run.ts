/**
 * How long an answer takes when requests come at a fixed rate: at half of what each contender can do, and all of them at
 * half of what the slowest can.
 *
 *   npm run bench:rate [-- -c NAME,…] [--rounds N] [--seconds S] [--md FILE]
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { findProgram } from '../command.ts'
import { CONTENDERS } from '../contenders/index.ts'
import { type Field, type Runner, startFieldOrigin, startRunner } from '../field.ts'
import { writeFiles } from '../files.ts'
import { findLoadTool, loadFiles } from '../load.ts'
import { chooseCores, describeMachine } from '../machine.ts'
import { runLoad } from '../measure.ts'
import { type Session, withSession } from '../session.ts'
import { median } from '../statistics.ts'
import { WORKLOADS } from '../workloads.ts'
import { loadAt, type RateResult } from './h2load.ts'

const { values } = parseArgs({
  options: {
    contender: { type: 'string', short: 'c', default: 'nginx,haproxy,caddy,hearthgate,fastify-http-proxy' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    md: { type: 'string' },
  },
})

const report = (line: string) => void process.stderr.write(`${line}\n`)
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
/** Before the first figure of a contender. */
const WARMUP_SECONDS = 6

interface Figures {
  readonly name: string
  readonly capacity: number
  readonly own: readonly RateResult[]
  readonly common: readonly RateResult[]
}

process.exitCode = await withSession(main)

async function main(session: Session): Promise<number> {
  if (findProgram('h2load') === null) throw new Error('apt-get install -y nghttp2-client')
  const workload = WORKLOADS.find(({ name }) => name === 'small')
  if (workload === undefined) throw new Error('the workload "small" is gone')
  const field: Field = { ...session, workload, cores: chooseCores() }
  writeFiles(field.directory, loadFiles(workload, field.directory))
  const origin = await startFieldOrigin(field)
  const asked = values.contender.split(',')
  const runners: Runner[] = []
  for (const contender of CONTENDERS) {
    if (asked.includes(contender.name) && contender.find().available)
      runners.push(await startRunner(field, contender, origin))
  }
  const text = render(await measure(field, runners))
  process.stdout.write(text)
  if (values.md !== undefined) writeFileSync(values.md, text)
  return 0
}

async function measure(field: Field, runners: readonly Runner[]): Promise<Figures[]> {
  const tool = findLoadTool()
  const capacities = new Map<Runner, number>()
  for (const runner of runners) {
    await runLoad(field, { tool }, runner, WARMUP_SECONDS)
    const { requests, seconds: took } = await runLoad(field, { tool }, runner, seconds)
    capacities.set(runner, requests / took)
    report(`${runner.contender.name}: ${(requests / took).toFixed(0)} requests/s at most`)
  }
  const common = Math.min(...capacities.values()) / 2
  const own = new Map(runners.map(runner => [runner, [] as RateResult[]]))
  const same = new Map(runners.map(runner => [runner, [] as RateResult[]]))
  for (let round = 1; round <= rounds; round++) {
    for (const runner of runners) {
      const half = (capacities.get(runner) as number) / 2
      own.get(runner)?.push(await tell(field, runner, half, round))
      same.get(runner)?.push(await tell(field, runner, common, round))
    }
  }
  return runners.map(runner => ({
    name: runner.contender.name,
    capacity: capacities.get(runner) as number,
    own: own.get(runner) ?? [],
    common: same.get(runner) ?? [],
  }))
}

async function tell(field: Field, runner: Runner, rps: number, round: number): Promise<RateResult> {
  const result = await loadAt(field, runner, rps, seconds)
  const { p50Ms, p99Ms, failed } = result
  const times = `p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms, ${failed} failed`
  report(`${round}/${rounds} ${runner.contender.name} at ${rps.toFixed(0)}/s: ${times}`)
  return result
}

function render(figures: readonly Figures[]): string {
  const machine = describeMachine('h2load', chooseCores())
  const { cores, cpu, system, node, commit, pinned } = machine
  const place = `${cores} cores (${cpu}), ${system}, Node ${node}, commit ${commit}${pinned ? ', contender on core 0' : ''}`
  const command = ['npm run bench:rate --', ...process.argv.slice(2)].join(' ')
  const nginx = figures.find(({ name }) => name === 'nginx')
  const row = ({ name, capacity, own, common }: Figures): string => {
    const part = (results: readonly RateResult[], reference: readonly RateResult[] | undefined) => {
      const p99 = median(results.map(({ p99Ms }) => p99Ms))
      const ratio = reference === undefined ? '-' : (p99 / median(reference.map(({ p99Ms }) => p99Ms))).toFixed(2)
      const failed = results.reduce((sum, each) => sum + each.failed, 0)
      const p50 = median(results.map(({ p50Ms }) => p50Ms))
      return [median(results.map(({ rps }) => rps)).toFixed(0), p50.toFixed(2), p99.toFixed(2), ratio, failed].join(
        ' | ',
      )
    }
    return `| ${name} | ${capacity.toFixed(0)} | ${part(own, nginx?.own)} | ${part(common, nginx?.common)} |`
  }
  return [
    '## 1 KiB at a fixed rate',
    '',
    `Medians of ${rounds} rounds in turn; ${place}; \`${command.trim()}\``,
    '',
    '| contender | most rps | half of it | p50 ms | p99 ms | x nginx | failed | same rate | p50 ms | p99 ms | x nginx | failed |',
    `| --- |${' ---: |'.repeat(11)}`,
    ...figures.map(row),
    '',
  ].join('\n')
}
