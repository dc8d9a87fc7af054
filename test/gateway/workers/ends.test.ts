/**
 * Several processes purged, stopped, left alone and refused as one.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { RawClient } from '../../support/raw-client.ts'
import { answer, type Script } from '../../support/raw-origin.ts'
import { eventually, get, originFor, route } from '../support.ts'
import { bodies, echo, isAlive, pidsOf, statsOf, two, twoWorkers } from './rig.ts'

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
