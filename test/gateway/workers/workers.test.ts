/**
 * Several processes behind one face: served together, replaced when killed, reloaded as one.
 */
import { writeFileSync } from 'node:fs'
import t from 'tap'
import { exchange, RawClient } from '../../support/raw-client.ts'
import { answer, type Script } from '../../support/raw-origin.ts'
import { eventually, get, originFor, route } from '../support.ts'
import { bodies, pidsOf, statsOf, two, twoWorkers } from './rig.ts'

t.test('two workers share a port, and their numbers are one', async t => {
  const { gateway } = await twoWorkers(t)
  const clients = Array.from({ length: 6 }, () => new RawClient(gateway.port))
  t.teardown(() => clients.forEach(client => void client.close()))
  for (const client of clients) t.equal((await client.send(get('/y')).answer()).body.toString(), '/y')
  const stats = await statsOf(gateway)
  t.equal(new Set(pidsOf(stats)).size, 2)
  const dealt = stats.workers?.map(({ connections }) => connections) ?? []
  t.ok(
    dealt.every(count => count >= 1),
    `connections are dealt to both: ${dealt}`,
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
  await eventually(async () => (await statsOf(gateway)).generation === 2)
  t.strictSame(await bodies(gateway.port, 4), ['other', 'other', 'other', 'other'])
  writeFileSync(gateway.file, `${two}routes:\n${route('app', '/', origin.url)}    bogus: 1\n`)
  gateway.child.kill('SIGHUP')
  await eventually(() => /reload refused/.test(gateway.log()))
  const [victim = 0] = pidsOf(await statsOf(gateway))
  process.kill(victim, 'SIGKILL')
  await eventually(async () => {
    const pids = pidsOf(await statsOf(gateway))
    return pids.length === 2 && !pids.includes(victim)
  }, 20_000)
  t.strictSame(await bodies(gateway.port, 4), ['other', 'other', 'other', 'other'])
})
