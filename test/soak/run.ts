/**
 * `npm run soak`: mixed traffic through the built gateway while apps die, the configuration is reloaded, Redis restarts and
 * clients leave. Ends with 1 when something failed that nothing explains, or when memory or descriptors grew.
 *
 *     node test/soak/run.ts [--minutes 30] [--seed 1] [--workers 1]      SOAK_SECONDS=60 for less than a minute or two
 */
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gatewayProcess } from '../support/gateway-process.ts'
import { type Failure, findGrowth, isExplained, mib, type Sample } from './judge.ts'
import { App } from './origins.ts'
import { startRedis } from './redis.ts'
import { leave, type Visitor, visitors } from './visitors.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: String(Number(process.env['SOAK_SECONDS'] ?? 1_800) / 60) },
    seed: { type: 'string', default: '1' },
    workers: { type: 'string', default: '1' },
  },
})
const runMs = Number(values.minutes) * 60_000
if (!(runMs > 0)) throw new Error('write --minutes 3')
/** A reload a minute in the long form, several in the short one. */
const reloadMs = Math.min(60_000, runMs / 6)
const restartMs = Math.min(20_000, runMs / 12)
const sampleMs = Math.min(5_000, runMs / 40)

const teardowns: (() => unknown)[] = []
const t = { teardown: (fn: () => unknown) => void teardowns.unshift(fn) }
const random = seeded(Number(values.seed))

const posts = new Map<string, number>()
const mortal = [new App(posts), new App(posts)] as const
const steady = new App()
for (const app of [...mortal, steady]) await app.open()
const redis = await startRedis(t)

const yaml = (extra: boolean) => `
listen: { host: 127.0.0.1, port: 0 }
admin: { host: 127.0.0.1, port: 0 }
workers: ${values.workers}
store: disk:./cache
${redis === null ? '' : `redis: { url: ${redis.url} }`}
log: { level: warn, access: none }
limits: { connections_per_address: 4096 }
routes:
  - { name: app, match: { path: /app }, rewrite_path: /, upstream: [${mortal.map(({ url }) => url).join(', ')}] }
  - { name: steady, match: { path: /steady }, rewrite_path: /, upstream: "${steady.url}" }
${extra ? `  - { name: extra, match: { path: /extra }, upstream: "${steady.url}" }` : ''}
`

const folder = mkdtempSync(join(tmpdir(), 'hearthgate-soak-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const timersFile = join(folder, 'timers')
process.env['HG_TIMERS'] = timersFile
process.env['NODE_OPTIONS'] = `--import=${new URL('count-timers.mjs', import.meta.url).href}`
const gateway = await gatewayProcess(t, yaml(false))
delete process.env['NODE_OPTIONS']
const failures: Failure[] = []
const samples: Sample[] = []
const tries = new Map<string, number>()
let isOver = false

const [before] = [gateway.descriptors()]
const running = visitors({ port: gateway.port, random }).map(each => repeat(each))
const timers = [
  setInterval(reload, reloadMs),
  setInterval(() => void restartOne(), restartMs),
  setInterval(() => void sample(), sampleMs),
  ...(redis === null ? [] : [setInterval(() => void redis.restart(1_000), reloadMs * 1.5)]),
]
let reloads = 0
let restarts = 0

await new Promise(resolve => setTimeout(resolve, runMs))
isOver = true
for (const timer of timers) clearInterval(timer)
await Promise.all(running)
leave()
const { left, open } = await settle()
const isAlive = gateway.child.exitCode === null
await report()

async function repeat(visitor: Visitor): Promise<void> {
  while (!isOver) {
    const fromMs = performance.now()
    const what = await visitor.visit(() => isOver).catch((error: Error) => error.message || String(error))
    tries.set(visitor.name, (tries.get(visitor.name) ?? 0) + 1)
    if (what !== null) failures.push({ visitor: visitor.name, what, fromMs, untilMs: performance.now() })
    await new Promise(resolve => setTimeout(resolve, visitor.pauseMs * (0.5 + random())))
  }
}

function reload(): void {
  writeFileSync(gateway.file, yaml(reloads++ % 2 === 0))
  gateway.child.kill('SIGHUP')
}

/** One app at a time: the other one can take what is safe. */
async function restartOne(): Promise<void> {
  const app = mortal[restarts++ % 2] as App
  await app.restart(200 + random() * 1_500)
}

async function sample(): Promise<void> {
  const stats = (await (await fetch(`${gateway.admin}/api/stats`)).json()) as Stats
  const links = readdirSync(`/proc/${gateway.child.pid}/fd`).map(name =>
    linkOf(`/proc/${gateway.child.pid}/fd/${name}`),
  )
  const sockets = links.filter(link => link.startsWith('socket:')).length
  samples.push({
    ...stats.memory,
    descriptors: links.length,
    sockets,
    timers: Number(readFileSync(timersFile, 'utf8')),
  })
}

/** A descriptor may close while they are read. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

interface Stats {
  readonly memory: { readonly heapBytes: number; readonly rssBytes: number }
  readonly connections: number
  readonly tunnels: number
  readonly eventStreams: number
}

/** After everybody has left nothing of them is left, within some seconds. */
async function settle(): Promise<{ left: number; open: number }> {
  for (let tries = 0; ; tries++) {
    const stats = (await (await fetch(`${gateway.admin}/api/stats`)).json()) as Stats
    const rest = stats.connections + stats.tunnels + stats.eventStreams
    if (rest === 0 || tries === 50) return { left: rest, open: gateway.descriptors() }
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}

async function report(): Promise<void> {
  const outages = mortal.flatMap(app => app.outages)
  const unexplained = failures.filter(failure => !isExplained(failure, outages))
  const doubled = [...posts.values()].filter(count => count > 1).length
  const grown = findGrowth(samples)
  const total = [...tries.values()].reduce((sum, count) => sum + count, 0)
  console.log(`${total} tries: ${[...tries].map(([name, count]) => `${name} ${count}`).join(', ')}`)
  console.log(`${restarts} restarts of an app, ${reloads} reloads, ${redis?.restarts ?? 0} restarts of Redis`)
  console.log(`${failures.length - unexplained.length} failures explained by an outage, ${unexplained.length} not`)
  for (const { visitor, what } of unexplained.slice(0, 20)) console.log(`  ${visitor}: ${what}`)
  console.log(`POSTs that ran twice: ${doubled}`)
  const first = samples[Math.floor(samples.length / 4)]
  const last = samples.at(-1)
  if (first !== undefined && last !== undefined) {
    console.log(
      `heap ${mib(first.heapBytes)} then ${mib(last.heapBytes)}, RSS ${mib(first.rssBytes)} then ${mib(last.rssBytes)}`,
    )
  }
  if (first !== undefined && last !== undefined)
    console.log(`sockets ${first.sockets} then ${last.sockets}, timers ${first.timers} then ${last.timers}`)
  console.log(`descriptors ${before} before, ${open} after; connections left ${left}`)
  for (const what of grown) console.log(`grew: ${what}`)
  const isFine = unexplained.length === 0 && doubled === 0 && grown.length === 0 && left === 0 && isAlive
  if (!isFine) console.log(gateway.log().split('\n').slice(-30).join('\n'))
  for (const app of [...mortal, steady]) app.close()
  for (const end of teardowns) await end()
  console.log(isFine ? 'soak: fine' : 'soak: FAILED')
  process.exit(isFine ? 0 : 1)
}

/** The same run for the same seed, as far as time allows. */
function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
