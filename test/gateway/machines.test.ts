/**
 * Two machines with one Redis between them, as docs/scale.md describes them: what they share while it is there, what each
 * does alone while it is not, and that a purge is never undone by an outage.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { type RedisServer, startRedis, temporaryFolder, withoutRedis } from '../plugins/cache/stores/support.ts'
import { cuttableLink } from '../support/cuttable-link.ts'
import { type GatewayProcess, gatewayProcess } from '../support/gateway-process.ts'
import { type CheckedOrigin, checkedOrigin, versionIn } from './cache-checked-origin.ts'
import { type Answered, ask, cacheNumbers, endIdleConnections, isHit, purge, rounded } from './cache-support.ts'
import { eventually } from './support.ts'

t.teardown(endIdleConnections)

/** Until a gateway that was cut off has told of its purges: a connection tried each second, 2 s for it, the purge. */
const HEALED_MS = 5_000
/** Redis that does not answer costs 50 ms a question until it is left alone; beside that the machine may be busy. */
const LONGEST_MS = 500
const LIMIT = 6

interface Machines {
  readonly origin: CheckedOrigin
  readonly a: GatewayProcess
  readonly b: GatewayProcess
}

/** Two gateways; the first may have a way of its own to Redis. */
async function machines(t: Test, { url }: RedisServer, urlOfA = url): Promise<Machines> {
  const origin = await checkedOrigin(t)
  const [a, b] = await Promise.all([urlOfA, url].map(redis => machine(t, origin.url, redis)))
  if (a === undefined || b === undefined) throw new Error('two were started')
  const both = { origin, a, b }
  await Promise.all([warm(a, '/of-a'), warm(b, '/of-b')])
  return both
}

const machine = (t: Test, origin: string, redis: string): Promise<GatewayProcess> =>
  gatewayProcess(
    t,
    `listen: { host: 127.0.0.1, port: 0 }
admin: { host: 127.0.0.1, port: 0 }
log: { level: warn, access: none }
state_dir: ./state
store: ${redis}
redis: { url: "${redis}" }
routes:
  - { name: app, upstream: "${origin}" }
  - { name: limited, match: { host: limited }, upstream: "${origin}", rate_limit: { requests: ${LIMIT}, per: 1h } }
`,
  )

/** Asks until it is answered out of the memory in front. */
async function warm({ port }: GatewayProcess, path: string): Promise<void> {
  for (let hits = 0; hits < 2; hits++) await eventually(async () => isHit(await ask(port, path)))
}

const versionAt = async ({ port }: GatewayProcess, path: string): Promise<number | null> =>
  versionIn((await ask(port, path)).body, path.replace(/\?.*/, ''))

/** The app changes it by itself, so that no gateway knows but by a purge. */
const changeAtOrigin = (origin: CheckedOrigin, path: string): Promise<Response> =>
  fetch(origin.url + path, { method: 'PUT', body: 'new' })

async function whole(both: Machines): Promise<void> {
  const isBack = async (one: GatewayProcess): Promise<boolean> => (await cacheNumbers(one)).store.available
  await eventually(async () => (await isBack(both.a)) && (await isBack(both.b)))
}

/** A miss at one is a hit at the other. */
async function shares(t: Test, { origin, a, b }: Machines, path: string): Promise<void> {
  // What is stored while a connection comes up again may be refused: the next path tries once more.
  let tries = 0
  await eventually(async () => {
    const next = `${path}-${++tries}`
    return !isHit(await ask(a.port, next)) && isHit(await ask(b.port, next)) && origin.asked.get(`GET ${next}`) === 1
  }, 10_000)
  t.pass(`shared again at try ${tries}`)
}

interface Watch {
  readonly longestMs: () => number
  stop(): Promise<Answered[]>
}

/** One request after the other at both. */
function watch({ a, b }: Machines, path: string): Watch {
  const answers: Answered[] = []
  let isOn = true
  const client = async ({ port }: GatewayProcess): Promise<void> => {
    while (isOn) {
      answers.push(await ask(port, path))
      await sleep(10)
    }
  }
  const clients = [client(a), client(b)]
  return {
    longestMs: () => Math.max(...answers.map(({ ms }) => ms)),
    stop: async () => {
      isOn = false
      await Promise.all(clients)
      return answers
    },
  }
}

async function startRest(t: Test): Promise<{ redis: RedisServer; both: Machines; client: Redis }> {
  const redis = await startRedis(t)
  const both = await machines(t, redis)
  const client = new Redis(redis.url, { maxRetriesPerRequest: 0 })
  client.on('error', () => {})
  t.teardown(() => client.disconnect())
  return { redis, both, client }
}

t.test('what two machines share', { skip: withoutRedis }, async t => {
  const { both, client } = await startRest(t)
  const { origin, a, b } = both

  for (const [what, path] of [
    ['its own tag', '/tagged?etag&size=700000'],
    ['none', '/untagged?size=3000'],
  ] as const) {
    await t.test(`a miss at one is a hit at the other byte for byte, of an app with ${what}`, async t => {
      const [missed, stored] = [await ask(a.port, path), await settled(a, path)]
      const found = await ask(b.port, path)
      t.notOk(isHit(missed))
      t.ok(isHit(found), String(found.headers['cache-status']))
      t.ok(found.body.equals(missed.body))
      t.type(found.headers.etag, 'string')
      t.equal(found.headers.etag, missed.headers.etag)
      t.equal(found.headers.etag, stored.headers.etag)
      t.equal(origin.asked.get(`GET ${path.replace(/\?.*/, '')}`), 1)
    })
  }

  for (const selector of [{ prefix: 'http://a/album' }, { route: 'app' }, { all: true }]) {
    await t.test(`a purge by ${Object.keys(selector)[0]} at one reaches the memory in front of the other`, async t => {
      const path = `/album/${Object.keys(selector)[0]}`
      await warm(a, path)
      await warm(b, path)
      await changeAtOrigin(origin, path)
      t.match(await purge(a, selector), { complete: true })
      const began = performance.now()
      t.equal(await versionAt(a, path), 2)
      await eventually(async () => (await versionAt(b, path)) === 2)
      t.comment(`after ${rounded(performance.now() - began)} ms`)
      for (let again = 0; again < 10; again++) t.equal(await versionAt(b, path), 2)
    })
  }

  await t.test('rate limits are counted together', async t => {
    const statuses: number[] = []
    for (let turn = 0; turn < LIMIT; turn++) {
      for (const { port } of [a, b]) statuses.push((await ask(port, `/${turn}`, { host: 'limited' })).status)
    }
    t.strictSame(statuses, [...new Array(LIMIT).fill(200), ...new Array(LIMIT).fill(429)])
  })

  await t.test("the list of requests holds both's", async t => {
    await Promise.all([ask(a.port, '/listed-a'), ask(b.port, '/listed-b')])
    await eventually(async () => {
      const urls = (await client.lrange('hearthgate:v1:request_metrics', 0, -1)).join()
      return urls.includes('/listed-a') && urls.includes('/listed-b')
    })
    t.equal(await client.llen('hearthgate:v1:request_metrics'), await requestsSeen(client))
  })
})

/** The fill has ended and the answer is stored. */
async function settled(one: GatewayProcess, path: string): Promise<Answered> {
  await eventually(async () => (await cacheNumbers(one)).fills === 0)
  return ask(one.port, path)
}

/** Entries with an id of their own: none is written twice. */
async function requestsSeen(client: Redis): Promise<number> {
  const entries = await client.lrange('hearthgate:v1:request_metrics', 0, -1)
  return new Set(entries.map(entry => (JSON.parse(entry) as { request_id: string }).request_id)).size
}

t.test('Redis frozen: nobody waits, and what was purged meanwhile stays purged', { skip: withoutRedis }, async t => {
  const { both, redis } = await startRest(t)
  const { origin, a, b } = both
  const path = '/frozen'
  await Promise.all([warm(a, path), warm(b, path)])
  redis.process.kill('SIGSTOP')
  const watched = watch(both, '/while-frozen')
  await changeAtOrigin(origin, path)
  t.match(await purge(a, { url: 'http://a/frozen' }), { complete: false })
  for (let turn = 0; turn < 20; turn++) {
    t.equal(await versionAt(a, path), 2, 'the gateway that purged never gives it again')
    await sleep(100)
  }
  const answers = await watched.stop()
  t.ok(answers.every(({ status }) => status === 200))
  t.ok(watched.longestMs() < LONGEST_MS, `longest of ${answers.length}: ${rounded(watched.longestMs())} ms`)
  redis.process.kill('SIGCONT')
  const began = performance.now()
  await eventually(async () => (await versionAt(b, path)) === 2)
  await whole(both)
  await eventually(async () => (await versionAt(b, path)) === 2)
  t.comment(`both have it after ${rounded(performance.now() - began)} ms`)
  t.ok(performance.now() - began < HEALED_MS)
  for (let again = 0; again < 20; again++) t.strictSame([await versionAt(a, path), await versionAt(b, path)], [2, 2])
  await shares(t, both, '/thawed')
})

t.test(
  'one machine cut off from Redis: its purge is carried out and told when it is back',
  { skip: withoutRedis },
  async t => {
    const redis = await startRedis(t)
    const link = await cuttableLink(t, redis.port)
    const both = await machines(t, redis, `redis://127.0.0.1:${link.port}/6`)
    const { origin, a, b } = both
    const path = '/cut-off'
    await Promise.all([warm(a, path), warm(b, path)])
    link.cut()
    await changeAtOrigin(origin, path)
    t.match(await purge(a, { url: 'http://a/cut-off' }), { complete: false })
    t.equal(await versionAt(a, path), 2)
    await sleep(1_500)
    t.equal(await versionAt(b, path), 1, 'nobody could tell it')
    link.heal()
    const began = performance.now()
    await eventually(async () => (await versionAt(b, path)) === 2, HEALED_MS)
    t.comment(`told ${rounded(performance.now() - began)} ms after the link was whole`)
    for (let again = 0; again < 20; again++) t.strictSame([await versionAt(a, path), await versionAt(b, path)], [2, 2])
    await shares(t, both, '/healed')
  },
)

t.test(
  'Redis killed, back with an older snapshot: what was purged since stays purged',
  { skip: withoutRedis },
  async t => {
    const folder = temporaryFolder(t)
    const redis = await startRedis(t, ['--dir', folder])
    const both = await machines(t, redis)
    const { origin, a, b } = both
    const path = '/restored'
    await Promise.all([warm(a, path), warm(b, path)])
    const client = new Redis(redis.url)
    await client.save()
    client.disconnect()
    await changeAtOrigin(origin, path)
    t.match(await purge(a, { url: 'http://a/restored' }), { complete: true })
    await eventually(async () => (await versionAt(b, path)) === 2)
    const watched = watch(both, path)
    await redis.stop()
    await sleep(1_000)
    await startRedis(t, ['--dir', folder], redis.port)
    await whole(both)
    await sleep(500)
    const answers = await watched.stop()
    t.strictSame([...new Set(answers.map(({ body }) => versionIn(body, path)))], [2], `${answers.length} answers`)
    t.ok(watched.longestMs() < LONGEST_MS, `longest ${rounded(watched.longestMs())} ms`)
    await shares(t, both, '/killed')
  },
)
