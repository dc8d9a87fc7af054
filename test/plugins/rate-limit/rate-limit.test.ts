/** The plugin alone in an app: who is counted with whom, how long, in how much memory, and with a Redis between two apps. */
import fastifyRateLimit from '@fastify/rate-limit'
import Fastify, { type FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import { openRedisGuard } from '../../../plugins/cache/index.ts'
import { contractOf } from '../../../plugins/contract/index.ts'
import { KEY_PREFIX } from '../../../plugins/rate-limit/counters.ts'
import { MAX_COUNTED, type RateLimit, rateLimit } from '../../../plugins/rate-limit/index.ts'
import { type RedisServer, startRedis, until, withoutRedis } from '../cache/stores/support.ts'

async function limited(t: Test, options: Partial<RateLimit>, redis?: RedisServer) {
  const app = Fastify()
  const guard = redis === undefined ? null : openRedisGuard(redis.url, 'test')
  await app.register(rateLimit, { ...options, redis: guard })
  app.get('/', async () => 'inside')
  await app.ready()
  t.teardown(() => app.close())
  const from = (remoteAddress: string) => app.inject({ url: '/', remoteAddress })
  const statuses = async (address: string, times: number) => {
    const found: number[] = []
    for (let i = 0; i < times; i++) found.push((await from(address)).statusCode)
    return found
  }
  const fallbacks = () => {
    const signal = [...contractOf(app).signals.numbers()].find(({ spec }) => spec.name === 'rate_limit_fallbacks_total')
    return [...(signal?.series() ?? [])].reduce((sum, { point }) => sum + point.value, 0)
  }
  return { app, guard, from, statuses, fallbacks }
}

t.test('one client too often is told when to come again, others are not touched', async t => {
  const { from, statuses } = await limited(t, { requests: 2 })
  t.strictSame(await statuses('192.0.2.1', 3), [200, 200, 429])
  const { headers } = await from('192.0.2.1')
  t.ok(Number(headers['retry-after']) > 50 && Number(headers['retry-after']) <= 60)
  t.equal(headers['ratelimit-policy'], '"client";q=2;w=60')
  t.match(headers['ratelimit'], /^"client";r=0;t=\d+$/)
  t.equal(headers['cache-control'], 'no-store')
  t.equal((await from('192.0.2.2')).statusCode, 200)
})

t.test('one client is a /64 of IPv6, and an IPv4 address in whichever form', async t => {
  const { statuses } = await limited(t, { requests: 1 })
  t.strictSame(await statuses('2001:db8::1', 1), [200])
  t.strictSame(await statuses('2001:db8:0:0:ffff::2', 1), [429])
  t.strictSame(await statuses('2001:db8:0:1::1', 1), [200])
  t.strictSame(await statuses('192.0.2.1', 1), [200])
  t.strictSame(await statuses('::ffff:192.0.2.1', 1), [429])
  t.strictSame(await statuses('fe80::1%eth0', 2), [200, 429])
})

t.test('by route all clients are counted together', async t => {
  const { from } = await limited(t, { requests: 2, by: 'route' })
  await from('192.0.2.1')
  await from('192.0.2.2')
  t.equal((await from('192.0.2.3')).statusCode, 429)
})

t.test('the window ends, also for a client that goes on asking', async t => {
  const { from } = await limited(t, { requests: 1, windowMs: 1_000 })
  t.equal((await from('192.0.2.1')).statusCode, 200)
  t.equal((await from('192.0.2.1')).statusCode, 429)
  await until(async () => (await from('192.0.2.1')).statusCode === 200, 5_000)
})

t.test('what is remembered is bounded', async t => {
  const { app } = await limited(t, {})
  const limit = { name: 'x', requests: 1, windowMs: 60_000, by: 'client' } as const
  const passes = async (client: string) => (await app.rateLimiter.take(limit, client)).pass
  t.equal(await passes('first'), true)
  for (let i = 1; i < MAX_COUNTED; i++) await app.rateLimiter.take(limit, `c${i}`)
  t.equal(await passes('first'), false, 'remembered among so many')
  for (let i = 0; i < MAX_COUNTED; i++) await app.rateLimiter.take(limit, `d${i}`)
  t.equal(await passes('first'), true, 'forgotten')
})

t.test('requests of one turn are counted one by one, which the store of the package does not', async t => {
  const { app } = await limited(t, {})
  const limit = { name: 'x', requests: 2, windowMs: 60_000, by: 'client' } as const
  const ours = await Promise.all([1, 2, 3, 4].map(() => app.rateLimiter.take(limit, 'a')))
  t.strictSame(
    ours.map(({ pass }) => pass),
    [true, true, false, false],
  )
  const bare = Fastify()
  t.teardown(() => bare.close())
  await bare.register(fastifyRateLimit, { global: false, max: 2, keyGenerator: () => 'a' })
  const count = bare.createRateLimit()
  const asked = { routeOptions: {} } as FastifyRequest
  const theirs = await Promise.all([1, 2, 3, 4].map(() => count(asked)))
  t.ok(
    theirs.every(told => !told.isAllowed && told.isExceeded),
    'once it does, our store can go',
  )
})

t.test('two apps and one Redis', { skip: withoutRedis }, async t => {
  const redis = await startRedis(t)
  const [a, b] = await Promise.all([limited(t, { requests: 4 }, redis), limited(t, { requests: 4 }, redis)])
  const connected = () => until(() => a.guard?.available === true && b.guard?.available === true, 5_000)
  const isShared = async (address: string) => {
    const answers = [...(await a.statuses(address, 3)), ...(await b.statuses(address, 2))]
    return answers.join() === '200,200,200,200,429'
  }
  await until(() => a.guard?.client.status === 'ready' && b.guard?.client.status === 'ready', 5_000)

  await t.test('count together', async t => {
    t.ok(await isShared('192.0.2.1'))
    t.equal(a.fallbacks() + b.fallbacks(), 0)
  })

  await t.test('count together also what comes at once', async t => {
    const limit = { name: 'at once', requests: 6, windowMs: 60_000, by: 'client' } as const
    const apps = [a, b, a, b, a, b, a, b, a, b]
    const decisions = await Promise.all(apps.map(({ app }) => app.rateLimiter.take(limit, 'x')))
    t.equal(decisions.filter(({ pass }) => pass).length, 6)
  })

  await t.test('who floods one of them is kept from Redis', async t => {
    const calls = async () =>
      Number(/cmdstat_incr:calls=(\d+)/.exec((await a.guard?.client.info('commandstats')) ?? '')?.[1])
    await a.statuses('192.0.2.2', 5)
    const before = await calls()
    t.strictSame(await a.statuses('192.0.2.2', 20), new Array(20).fill(429))
    t.equal(await calls(), before)
  })

  await t.test('keys end by themselves and hold nothing of a client', async t => {
    const keys = (await a.guard?.client.keys('*')) ?? []
    t.ok(keys.length > 0)
    for (const key of keys) {
      t.ok(key.startsWith(KEY_PREFIX))
      t.notMatch(key, '192.0.2')
      t.ok(((await a.guard?.client.pttl(key)) ?? 0) > 0)
    }
  })

  await t.test('frozen: nobody fails, hardly anybody waits, each counts by itself', async t => {
    t.strictSame(await a.statuses('192.0.2.3', 2), [200, 200])
    redis.process.kill('SIGSTOP')
    const took: number[] = []
    const found: number[] = []
    for (let i = 0; i < 20; i++) {
      const began = performance.now()
      found.push((await a.from('192.0.2.3')).statusCode)
      took.push(performance.now() - began)
    }
    t.strictSame(found, [200, 200, ...new Array(18).fill(429)], 'the own count went on from what it was')
    await b.statuses('192.0.2.3', 1)
    const before = b.fallbacks()
    t.strictSame(await b.statuses('192.0.2.3', 4), [200, 200, 200, 429])
    // Each would wait 50 ms by itself.
    t.ok(took.reduce((sum, ms) => sum + ms, 0) < 600, `waited ${took.map(Math.round)}`)
    t.ok(b.fallbacks() > before && a.fallbacks() > 0)
    redis.process.kill('SIGCONT')
    await connected()
    t.ok(await isShared('192.0.2.4'))
  })

  await t.test('gone: each counts by itself, and together again when it is back', async t => {
    await redis.stop()
    t.strictSame(await a.statuses('192.0.2.5', 5), [200, 200, 200, 200, 429])
    t.strictSame(await b.statuses('192.0.2.5', 5), [200, 200, 200, 200, 429])
    await startRedis(t, [], redis.port)
    await until(async () => a.guard?.available === true && b.guard?.available === true, 15_000)
    t.ok(await isShared('192.0.2.6'))
  })
})

t.test('an app may ask by itself', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(rateLimit, { attach: false, requests: 1 })
  app.get('/', async () => 'inside')
  for (let i = 0; i < 3; i++) t.equal((await app.inject('/')).statusCode, 200)
  await t.rejects(async () => Fastify().register(rateLimit, { requests: 0 }), { code: 'HG_OPTIONS' })
})
