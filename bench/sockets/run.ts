/**
 * `npm run bench:sockets`: many WebSockets through each contender in turn: memory of one that is open, CPU time while all
 * are idle, CPU time and delay of a message there and back.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Command, pinned } from '../command.ts'
import { CONTENDERS, type Contender, type Launch } from '../contenders/index.ts'
import { writeFiles } from '../files.ts'
import { freePort, waitUntilServing } from '../http.ts'
import { chooseCores } from '../machine.ts'
import { readProcesses, sumTree } from '../proc-stat.ts'
import { type Session, withSession } from '../session.ts'
import { median } from '../statistics.ts'
import { Tunnel } from './tunnel.ts'

const USAGE = `npm run bench:sockets -- [-c CONTENDER,…] [--sockets 500] [--seconds 5] [--rounds 3]
  contenders: ${names().join(' ')}`
/** Messages a second over all sockets, so that a round says something of a delay and not of a limit. */
const MESSAGES_PER_SECOND = 1_000
const TICK_MS = 10

interface Figures {
  readonly kibPerSocket: number
  /** CPU milliseconds a second. */
  readonly idleMs: number
  readonly messageMs: number
  readonly p50Ms: number
  readonly p99Ms: number
}

interface Plan {
  readonly sockets: number
  readonly seconds: number
}

const cores = chooseCores()

function names(): string[] {
  return ['nginx', 'haproxy', 'caddy', 'hearthgate']
}

/** As its manual says for WebSockets: without it nginx takes the field off. */
function withUpgrades(contender: Contender, launch: Launch): Launch {
  if (contender.name !== 'nginx') return launch
  const upgrade =
    'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_read_timeout 1h;'
  const files = [...launch.files].map(([name, text]) => {
    return [name, text.replace('proxy_set_header Connection "";', upgrade)] as const
  })
  return { ...launch, files: new Map(files) }
}

async function measure(session: Session, contender: Contender, originPort: number, plan: Plan): Promise<Figures> {
  const directory = join(session.directory, `sockets-${contender.name}-${Date.now()}`)
  mkdirSync(directory)
  const port = await freePort()
  const launch = withUpgrades(contender, contender.proxy!.launch({ directory, port, originPort, tls: null }))
  writeFiles(directory, launch.files)
  const child = await session.children.start(contender.name, pinned(launch.command, cores.contender))
  const use = () => sumTree(readProcesses(), child.pid)
  const tunnels: Tunnel[] = []
  try {
    await waitUntilServing(child, `http://127.0.0.1:${port}/`)
    // The first ones load code that the others share.
    for (let i = 0; i < plan.sockets / 10; i++) tunnels.push(await Tunnel.open(port))
    await delay(1_000)
    const few = use()
    while (tunnels.length < plan.sockets) tunnels.push(await Tunnel.open(port))
    await delay(1_000)
    const many = use()
    await delay(plan.seconds * 1_000)
    const idle = use()
    const times = await echo(tunnels, plan.seconds)
    const spent = use().cpuSeconds - idle.cpuSeconds
    const sorted = times.toSorted((a, b) => a - b)
    return {
      kibPerSocket: (many.residentBytes - few.residentBytes) / 1024 / (plan.sockets * 0.9),
      idleMs: ((idle.cpuSeconds - many.cpuSeconds) * 1_000) / plan.seconds,
      messageMs: (spent * 1_000) / times.length,
      p50Ms: sorted[Math.floor(sorted.length * 0.5)]!,
      p99Ms: sorted[Math.floor(sorted.length * 0.99)]!,
    }
  } finally {
    for (const tunnel of tunnels) tunnel.close()
    await session.children.stop(child)
  }
}

/** Messages at a fixed rate, each on the next socket; the milliseconds of each. */
async function echo(tunnels: readonly Tunnel[], seconds: number): Promise<number[]> {
  const running: Promise<number>[] = []
  const startMs = performance.now()
  const all = MESSAGES_PER_SECOND * seconds
  while (running.length < all) {
    const due = Math.min(all, ((performance.now() - startMs) * MESSAGES_PER_SECOND) / 1_000)
    while (running.length < due) running.push(tunnels[running.length % tunnels.length]!.echo())
    await delay(TICK_MS)
  }
  return Promise.all(running)
}

async function startOrigin(session: Session): Promise<number> {
  const command: Command = { file: process.execPath, args: [join(import.meta.dirname, 'origin.ts')] }
  const child = await session.children.start('origin', pinned(command, cores.load))
  for (let tries = 0; child.stdout() === ''; tries++) {
    if (child.hasEnded() || tries > 100) throw new Error(`the origin did not start: ${child.stderr()}`)
    await delay(50)
  }
  return Number(child.stdout())
}

function renderTable(rows: ReadonlyMap<string, readonly Figures[]>): string {
  const titles =
    '| contender | KiB a socket | idle, CPU ms/s | CPU ms/message | p50 ms | p99 ms |\n|---|---:|---:|---:|---:|---:|'
  const lines = [...rows].map(([name, all]) => {
    const middle = (of: (figures: Figures) => number) => median(all.map(of))
    const cells = [
      middle(f => f.kibPerSocket).toFixed(1),
      middle(f => f.idleMs).toFixed(1),
      middle(f => f.messageMs).toFixed(4),
      middle(f => f.p50Ms).toFixed(2),
      middle(f => f.p99Ms).toFixed(2),
    ]
    return `| ${name} | ${cells.join(' | ')} |`
  })
  return [titles, ...lines].join('\n')
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      contender: { type: 'string', short: 'c', default: names().join(',') },
      sockets: { type: 'string', default: '500' },
      seconds: { type: 'string', default: '5' },
      rounds: { type: 'string', default: '3' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return void process.stdout.write(`${USAGE}\n`)
  const wanted = values.contender.split(',')
  const present = CONTENDERS.filter(({ name, find }) => wanted.includes(name) && find().available)
  const plan = { sockets: Number(values.sockets), seconds: Number(values.seconds) }
  const rows = new Map(present.map(({ name }) => [name, [] as Figures[]]))
  await withSession(async session => {
    const originPort = await startOrigin(session)
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const contender of present)
        rows.get(contender.name)!.push(await measure(session, contender, originPort, plan))
    }
  })
  process.stdout.write(`${renderTable(rows)}\n`)
}

await main()
