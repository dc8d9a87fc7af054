/**
 * `npm run bench:start`: what a start costs until the ready line, and what the idle process holds. Several builds are
 * started in turn, A B A B, so that a disturbance hits all of them; the least figure of each counts.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { readProcesses, sumTree } from './proc-stat.ts'

const USAGE = `npm run bench:start -- [DIST …] [--rounds 5] [--idle 5] [--store memory] [--node-args '…']
  DIST: folders with gateway/main.js (default: dist), started in turn; an earlier build may be one of them
  --idle: seconds between the ready line and the look at the memory; --store: as in the configuration`
const MIB = 1024

interface Figures {
  readonly wallMs: number
  readonly cpuMs: number
  readonly residentMb: number
  readonly anonymousMb: number
  readonly modules: number
}

interface Plan {
  readonly store: string
  readonly idleSeconds: number
  readonly nodeArgs: readonly string[]
}

/** Counts what is loaded, CommonJS too; its own process, since counting costs time. */
const COUNTER = `import { registerHooks } from 'node:module'
let count = 0
registerHooks({ load: (url, context, next) => { if (!url.startsWith('node:')) count++; return next(url, context) } })
process.on('exit', () => process.stderr.write('modules ' + count + '\\n'))`

async function startOnce(dist: string, plan: Plan, isCounting: boolean): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-start-'))
  try {
    return await measure(dist, plan, { folder, isCounting })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measure(
  dist: string,
  { store, idleSeconds, nodeArgs }: Plan,
  { folder, isCounting }: { folder: string; isCounting: boolean },
): Promise<Figures> {
  const file = join(folder, 'gateway.yaml')
  writeFileSync(
    file,
    `listen: { host: 127.0.0.1, port: 0 }\nadmin: { host: 127.0.0.1, port: 0 }\nstate_dir: ./state
store: ${store}\nroutes:\n  - name: demo\n    upstream: builtin:demo\n`,
  )
  const counter = isCounting ? ['--import', `data:text/javascript,${encodeURIComponent(COUNTER)}`] : []
  const started = performance.now()
  const child = spawn(process.execPath, [
    ...counter,
    ...nodeArgs,
    join(dist, 'gateway/main.js'),
    'start',
    '--config',
    file,
  ])
  const pid = child.pid ?? 0
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    errors += text
  })
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
  const wallMs = performance.now() - started
  if (child.exitCode !== null) throw new Error(`${dist} ended with ${child.exitCode}: ${errors}`)
  const cpuMs = sumTree(readProcesses(), pid).cpuSeconds * 1000
  if (!isCounting) await delay(idleSeconds * 1000)
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
  const modules = Math.max(0, ...[...errors.matchAll(/^modules (\d+)$/gm)].map(([, count]) => Number(count)))
  return { wallMs, cpuMs, residentMb: field(status, 'VmRSS'), anonymousMb: field(status, 'RssAnon'), modules }
}

function field(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / MIB
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      idle: { type: 'string', default: '5' },
      store: { type: 'string', default: 'memory' },
      'node-args': { type: 'string', default: '' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return void process.stdout.write(`${USAGE}\n`)
  const dists = (positionals.length === 0 ? ['dist'] : positionals).map(path => resolve(path))
  const nodeArgs = values['node-args'].split(' ').filter(word => word !== '')
  const plan = { store: values.store, idleSeconds: Number(values.idle), nodeArgs }
  const seen = dists.map(() => [] as Figures[])
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [i, dist] of dists.entries()) seen[i]!.push(await startOnce(dist, plan, false))
  }
  process.stdout.write('|  | wall ms | CPU ms | RSS MB | of it anonymous | modules |\n|---|---:|---:|---:|---:|---:|\n')
  for (const [i, dist] of dists.entries()) {
    const { modules } = await startOnce(dist, plan, true)
    const least = (of: (figures: Figures) => number) => Math.round(Math.min(...seen[i]!.map(of)))
    const figures = [least(f => f.wallMs), least(f => f.cpuMs), least(f => f.residentMb), least(f => f.anonymousMb)]
    process.stdout.write(`| ${dist} | ${figures.join(' | ')} | ${modules} |\n`)
  }
}

await main()
