/**
 * What a request costs the Redis that several machines share: a real redis-server, a gateway before a local app, and
 * INFO before and after some thousand requests. `npm run bench:redis [-- --cluster]` prints the table of docs/scale.md.
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Child, Children } from '../processes.ts'
import { costOf, type RedisCost, readCounts, TABLE_HEAD, tableRow } from './counts.ts'
import { type BenchRedis, startRedis } from './servers.ts'

const MAIN = fileURLToPath(new URL('../../dist/gateway/main.js', import.meta.url))
const BODY = Buffer.alloc(2_048, 'x')
const START_MS = 15_000
/** What nobody waits for has been written by then. */
const SETTLE_MS = 700

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '3000' },
    connections: { type: 'string', default: '16' },
    cluster: { type: 'boolean', default: false },
  },
})
const requests = Number(values.requests)
const connections = Number(values.connections)

interface Setup {
  readonly name: string
  /** Lines of the configuration, and what stands on the route. */
  readonly top: (redis: string) => string
  readonly route: string
  readonly path: (number: number) => string
  /** Hits: everything has been asked for before. */
  readonly isWarm: boolean
  readonly method?: string
}

const few = (number: number): string => `/page${number % 100}`
const each = (number: number): string => `/miss${number}`
const store = (redis: string): string => `store: ${redis}`
const bare = (redis: string): string => `${store(redis)}\nstore_limits: { memory: off }`

const setups: readonly Setup[] = [
  { name: 'hit in memory in front', top: store, route: '', path: few, isWarm: true },
  { name: 'hit out of Redis', top: bare, route: '', path: few, isWarm: true },
  { name: 'miss that is stored', top: store, route: '', path: each, isWarm: false },
  { name: 'POST: its address is purged', top: store, route: '', path: few, isWarm: false, method: 'POST' },
  {
    name: 'counted by `rate_limit`',
    top: store,
    route: 'cache: false, rate_limit: { requests: 1000000, per: 1h }',
    path: few,
    isWarm: false,
  },
  {
    name: 'written to the lists (`redis:`)',
    top: redis => `store: memory\nredis: { url: "${redis}" }`,
    route: 'cache: false',
    path: few,
    isWarm: false,
  },
]

const children = new Children()
process.once('exit', () => children.killAll())
const folder = mkdtempSync(join(tmpdir(), 'hearthgate-bench-'))
const origin = createServer((request, response) => {
  request.resume()
  response.writeHead(200, { 'cache-control': 'public, max-age=600', 'content-length': BODY.length, etag: '"1"' })
  response.end(BODY)
})
try {
  await once(origin.listen(0, '127.0.0.1'), 'listening')
  const redis = await startRedis(children, values.cluster)
  const kind = values.cluster ? 'a Cluster of one node' : 'one server'
  console.log(
    `Redis ${redis.version} as ${kind}, Node ${process.version}, ${cpus()[0]?.model}, ${cpus().length} cores;`,
  )
  console.log(`${requests} requests over ${connections} connections, answers of ${BODY.length} bytes\n\n${TABLE_HEAD}`)
  for (const setup of setups) {
    if (values.cluster && setup.top('').includes('redis:')) continue
    console.log(tableRow(setup.name, await measure(setup, redis)))
  }
  redis.close()
} finally {
  await children.stopAll()
  origin.close()
  origin.closeAllConnections()
  rmSync(folder, { recursive: true, force: true })
}

async function measure(setup: Setup, redis: BenchRedis): Promise<RedisCost> {
  await redis.client.flushall()
  const { child, url } = await startGateway(setup, redis.url)
  // The connections to Redis are made in the background.
  await sleep(SETTLE_MS)
  if (setup.isWarm) await load(setup, url, 300)
  await sleep(SETTLE_MS)
  const before = readCounts(await redis.client.info('everything'))
  await load(setup, url, requests)
  await sleep(SETTLE_MS)
  const after = readCounts(await redis.client.info('everything'))
  await children.stop(child)
  return costOf(before, after, requests)
}

async function startGateway({ top, route }: Setup, redis: string): Promise<{ child: Child; url: string }> {
  const { port } = origin.address() as AddressInfo
  const file = join(folder, 'gateway.yaml')
  writeFileSync(
    file,
    `listen: { host: 127.0.0.1, port: 0 }
admin: { host: 127.0.0.1, port: 0 }
log: { level: warn, access: none }
state_dir: ./state
${top(redis)}
routes:
  - { name: app, upstream: "http://127.0.0.1:${port}"${route === '' ? '' : `, ${route}`} }
`,
  )
  const child = await children.start('hearthgate', { file: process.execPath, args: [MAIN, 'start', '--config', file] })
  for (const end = performance.now() + START_MS; !child.stdout().includes('\n'); await sleep(50)) {
    if (child.hasEnded() || performance.now() > end) throw new Error(`the gateway did not start: ${child.stderr()}`)
  }
  const { listen } = JSON.parse(child.stdout().split('\n')[0] as string) as { listen: string[] }
  return { child, url: listen[0] as string }
}

/** So many requests, each connection one after the other. */
async function load({ path, method }: Setup, url: string, times: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  let next = 0
  const client = async (): Promise<void> => {
    while (next < times) await ask(url + path(next++), agent, method)
  }
  await Promise.all(Array.from({ length: connections }, client))
  agent.destroy()
}

function ask(url: string, agent: Agent, method = 'GET'): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent, method }, response => {
      if (response.statusCode !== 200) reject(new Error(`${url}: ${response.statusCode}`))
      response.resume().once('end', resolve)
    })
    request.once('error', reject)
  })
}
