/**
 * Two gateways over one Redis: what one stores, forgets or is about to fetch, the other knows.
 */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type RedisServer, startRedis, withoutRedis } from '../plugins/cache/stores/support.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { type CheckedOrigin, checkedOrigin, versionIn } from './cache-checked-origin.ts'
import { ask, cacheNumbers, cachingGateway, endIdleConnections, isHit, isSound, purge } from './cache-support.ts'
import { eventually } from './support.ts'

t.teardown(endIdleConnections)

/** How long another gateway may serve what has become void. */
const NEWS_MS = 1_000
/** How long clients wait for a gateway that has died while it filled their key. */
const ORPHANED_MS = 5_000

interface Pair {
  readonly origin: CheckedOrigin
  readonly redis: RedisServer
  readonly a: GatewayProcess
  readonly b: GatewayProcess
}

async function pair(t: Test): Promise<Pair> {
  const [origin, redis] = await Promise.all([checkedOrigin(t), startRedis(t)])
  const start = (): Promise<GatewayProcess> => cachingGateway(t, origin.url, `store: ${redis.url}`)
  const [a, b] = await Promise.all([start(), start()])
  await Promise.all([warm(a, '/of-a'), warm(b, '/of-b')])
  return { origin, redis, a, b }
}

/** Asks for it until it is answered from the memory in front. */
async function warm({ port }: GatewayProcess, path: string): Promise<void> {
  await eventually(async () => isHit(await ask(port, path)))
  await eventually(async () => isHit(await ask(port, path)))
}

/** How long it took until B gave the version; and that it never gave an older one again. */
async function untilVersion({ port }: GatewayProcess, path: string, version: number): Promise<number> {
  const began = performance.now()
  await eventually(async () => versionIn((await ask(port, path)).body, path) === version)
  const took = performance.now() - began
  for (let again = 0; again < 20; again++) {
    const found = versionIn((await ask(port, path)).body, path)
    if (found !== version) throw new Error(`${path} is version ${found} again`)
  }
  return took
}

async function change(t: Test, { a, b }: Pair, path: string): Promise<void> {
  await Promise.all([warm(a, path), warm(b, path)])
  t.equal((await ask(a.port, path, { method: 'PUT', body: Buffer.from('new') })).status, 200)
  t.equal(versionIn((await ask(a.port, path)).body, path), 2, 'the gateway that changed it')
  const took = await untilVersion(b, path, 2)
  t.comment(`${path}: void in the other gateway after ${Math.round(took)} ms`)
  t.ok(took < NEWS_MS, `${took} ms`)
}

t.test('two gateways over one Redis', { skip: withoutRedis }, async t => {
  const both = await pair(t)
  const { origin, redis, a, b } = both

  await t.test('a miss in one is a hit in the other', async t => {
    t.notOk(isHit(await ask(a.port, '/shared?size=300000')))
    await eventually(async () => (await cacheNumbers(a)).fills === 0)
    const answered = await ask(b.port, '/shared?size=300000')
    t.ok(isHit(answered) && isSound(answered, '/shared'), String(answered.headers['cache-status']))
    t.equal(origin.asked.get('GET /shared'), 1)
  })

  await t.test('twenty misses over both are one request', async t => {
    const ports = Array.from({ length: 20 }, (_, number) => (number % 2 === 0 ? a.port : b.port))
    const answers = await Promise.all(ports.map(port => ask(port, '/many?size=50000&wait=300')))
    t.ok(answers.every(answered => isSound(answered, '/many')))
    t.equal(origin.asked.get('GET /many'), 1)
    t.comment(`longest ${Math.round(Math.max(...answers.map(({ ms }) => ms)))} ms for an answer that takes 300`)
  })

  await t.test('a change through one makes the copies of the other void', t => change(t, both, '/page'))

  await t.test('a purge through the admin API of one reaches the other', async t => {
    await Promise.all([warm(a, '/purged'), warm(b, '/purged')])
    t.match(await purge(a, { url: `http://a/purged` }), { removed: 1, complete: true })
    const began = performance.now()
    await eventually(async () => !isHit(await ask(b.port, '/purged')))
    t.ok(performance.now() - began < NEWS_MS)
  })

  await t.test('both work together again after Redis was frozen', async t => {
    redis.process.kill('SIGSTOP')
    await sleep(2_500)
    redis.process.kill('SIGCONT')
    await eventually(
      async () => (await cacheNumbers(a)).store.available && (await cacheNumbers(b)).store.available,
      10_000,
    )
    await change(t, both, '/after')
  })

  await t.test('the gateway that fetches is killed: the other serves its clients', async t => {
    const path = '/orphan?size=400000&wait=700'
    const lost = Array.from({ length: 5 }, () => ask(a.port, path))
    await eventually(() => origin.asked.get('GET /orphan') === 1)
    const began = performance.now()
    const waiting = Array.from({ length: 10 }, () => ask(b.port, path))
    await sleep(200)
    a.child.kill('SIGKILL')
    await once(a.child, 'exit')
    const answers = await Promise.all(waiting)
    const took = performance.now() - began
    t.ok(answers.every(answered => isSound(answered, '/orphan')))
    t.equal(origin.asked.get('GET /orphan'), 2)
    t.ok(took < ORPHANED_MS, `${took} ms`)
    t.comment(`served after ${Math.round(took)} ms, 700 of them at the origin`)
    t.ok((await Promise.all(lost)).every(({ status }) => status === 0))
  })
})
