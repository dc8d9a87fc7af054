/**
 * Several processes behind one face: served together, replaced when killed, reloaded and ended as one.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { GatewayStats } from '../../../gateway/admin/stats.ts'
import { base } from '../../support/gateway.ts'
import { type GatewayProcess, gatewayProcess } from '../../support/gateway-process.ts'
import { exchange, RawClient } from '../../support/raw-client.ts'
import { answer, type Script } from '../../support/raw-origin.ts'
import { eventually, get, originFor, route } from '../support.ts'

const two = `${base.replace('level: silent', 'level: warn')}workers: 2\n`
const echo: Script = (request, socket) => void socket.write(answer(200, {}, request.target))

async function statsOf({ admin }: GatewayProcess): Promise<GatewayStats> {
  return (await (await fetch(`${admin}/api/stats`)).json()) as GatewayStats
}

function pidsOf(stats: GatewayStats): number[] {
  return (stats.workers ?? []).map(({ pid }) => pid)
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** One connection each, so that they go to the workers in turn. */
async function bodies(port: number, count: number, path = '/x'): Promise<string[]> {
  const all: string[] = []
  for (let i = 0; i < count; i++) all.push((await exchange(port, get(path))).body.toString())
  return all
}

async function twoWorkers(t: Test, more = '', script: Script = echo) {
  const origin = await originFor(t, script)
  const gateway = await gatewayProcess(t, `${two}${more}routes:\n${route('app', '/', origin.url)}`)
  return { origin, gateway }
}

t.test('two workers share a port, and their numbers are one', async t => {
  const { gateway } = await twoWorkers(t)
  const clients = Array.from({ length: 6 }, () => new RawClient(gateway.port))
  t.teardown(() => clients.forEach(client => void client.close()))
  for (const client of clients) t.equal((await client.send(get('/y')).answer()).body.toString(), '/y')
  const stats = await statsOf(gateway)
  t.equal(new Set(pidsOf(stats)).size, 2)
  t.strictSame(
    stats.workers?.map(({ connections }) => connections),
    [3, 3],
    'connections are dealt in turn',
  )
  t.equal(stats.connections, 6)
  const answers = stats.signals['upstream_answers_total'] ?? []
  t.equal(
    answers.reduce((sum, { value = 0 }) => sum + value, 0),
    6,
  )
  t.equal(((await (await fetch(`${gateway.admin}/readyz`)).json()) as { workers: number }).workers, 2)
})

t.test('a worker killed under load: the others serve, another takes its place, the cache on disk is whole', async t => {
  const cached: Script = (request, socket) =>
    void socket.write(answer(200, { 'Cache-Control': 'max-age=600' }, `stored ${request.target}`))
  const { gateway, origin } = await twoWorkers(t, 'store: disk:./cache\n', cached)
  for (let i = 0; i < 20; i++) await exchange(gateway.port, get(`/${i}`))
  const before = await statsOf(gateway)
  const [victim = 0] = pidsOf(before)
  let failed = 0
  let isOver = false
  const ask = async () => (await exchange(gateway.port, get('/1'))).status === 200
  const load = (async () => {
    while (!isOver) if (!(await ask().catch(() => false))) failed++
  })()
  process.kill(victim, 'SIGKILL')
  await eventually(async () => {
    const pids = pidsOf(await statsOf(gateway))
    return pids.length === 2 && !pids.includes(victim)
  }, 20_000)
  isOver = true
  // A connection that the killed one had taken is cut with it; one request at a time is at most one of them.
  await load
  t.ok(failed <= 1, `${failed} failed`)
  t.equal((await statsOf(gateway)).workersReplaced, 1)
  const asked = origin.requests.length
  for (let i = 0; i < 20; i++) {
    for (const text of await bodies(gateway.port, 2, `/${i}`)) t.equal(text, `stored /${i}`)
  }
  t.equal(origin.requests.length, asked, 'every answer came from the store')
  t.match(gateway.log(), /a worker has died/)
})

t.test('a reload reaches every worker, a bad one none, and a new worker begins with what is in force', async t => {
  const { gateway, origin } = await twoWorkers(t)
  const other = await originFor(t, (_request, socket) => void socket.write(answer(200, {}, 'other')))
  writeFileSync(gateway.file, `${two}routes:\n${route('app', '/', other.url)}`)
  gateway.child.kill('SIGHUP')
  await eventually(async () => (await statsOf(gateway)).generation === 2, 10_000)
  t.strictSame(await bodies(gateway.port, 4), ['other', 'other', 'other', 'other'])
  writeFileSync(gateway.file, `${two}routes:\n${route('app', '/', origin.url)}    bogus: 1\n`)
  gateway.child.kill('SIGHUP')
  await eventually(() => /reload refused/.test(gateway.log()), 10_000)
  const [victim = 0] = pidsOf(await statsOf(gateway))
  process.kill(victim, 'SIGKILL')
  await eventually(async () => {
    const pids = pidsOf(await statsOf(gateway))
    return pids.length === 2 && !pids.includes(victim)
  }, 20_000)
  t.strictSame(await bodies(gateway.port, 4), ['other', 'other', 'other', 'other'])
})

t.test('a purge reaches the memory of every worker', async t => {
  const cached: Script = (_request, socket) =>
    void socket.write(answer(200, { 'Cache-Control': 'max-age=600' }, String(Math.random())))
  const { gateway } = await twoWorkers(t, '', cached)
  const before = new Set(await bodies(gateway.port, 6))
  t.equal(before.size, 2, 'each has its own memory')
  const purged = await fetch(`${gateway.admin}/api/cache/purge`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-hearthgate': '1' },
    body: JSON.stringify({ all: true }),
  })
  t.strictSame(await purged.json(), { removed: 2, complete: true })
  const after = new Set(await bodies(gateway.port, 6))
  t.equal(after.size, 2)
  t.strictSame(
    [...after].filter(text => before.has(text)),
    [],
  )
  const foreign = await fetch(`${gateway.admin}/api/cache/purge`, { method: 'POST', body: '{"all":true}' })
  t.equal(foreign.status, 403)
})

t.test('a stop lets the requests of every worker end', async t => {
  const { gateway } = await twoWorkers(t, '', (_request, socket) => {
    setTimeout(() => socket.write(answer(200, {}, 'done')), 700)
  })
  const pids = pidsOf(await statsOf(gateway))
  const clients = [1, 2].map(() => new RawClient(gateway.port).send(get('/slow')))
  t.teardown(() => clients.forEach(client => void client.close()))
  await eventually(async () => (await statsOf(gateway)).origins.reduce((sum, one) => sum + one.inFlight, 0) === 2)
  gateway.child.kill('SIGTERM')
  for (const client of clients) t.equal((await client.answer()).body.toString(), 'done')
  const [code] = await once(gateway.child, 'exit')
  t.equal(code, 0)
  t.strictSame(pids.filter(isAlive), [])
})

t.test('no worker outlives its supervisor', async t => {
  const { gateway } = await twoWorkers(t)
  const pids = pidsOf(await statsOf(gateway))
  t.equal(pids.length, 2)
  gateway.child.kill('SIGKILL')
  await once(gateway.child, 'exit')
  await eventually(() => !pids.some(isAlive))
  t.pass('both are gone')
})

t.test('what a worker cannot do is said once, as of one gateway', async t => {
  const main = fileURLToPath(new URL('../../../gateway/main.ts', import.meta.url))
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const blocked = await originFor(t, echo)
  const { port } = new URL(blocked.url)
  const file = join(folder, 'gateway.yaml')
  const taken = two.replace('listen: { host: 127.0.0.1, port: 0 }', `listen: { host: 127.0.0.1, port: ${port} }`)
  writeFileSync(file, `${taken}routes:\n${route('app', '/', 'http://127.0.0.1:9')}`)
  const child = spawn(process.execPath, [main, 'start', '--config', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', chunk => {
    said += chunk
  })
  const [code] = await once(child, 'exit')
  t.equal(code, 78)
  t.match(said, /not started: cannot listen on 127/)
})
