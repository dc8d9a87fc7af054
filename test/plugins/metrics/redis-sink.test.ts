/**
 * The lists in Redis with a real server: what they hold, and that nobody waits for one that is gone, frozen or full.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import Fastify, { type FastifyInstance } from 'fastify'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { contractOf, exchangesOf } from '../../../plugins/contract/index.ts'
import { metrics } from '../../../plugins/metrics/index.ts'
import { MAX_WAITING, RedisSink } from '../../../plugins/metrics/sink/redis-sink.ts'
import { type RedisServer, startRedis, until, withoutRedis } from '../cache/stores/support.ts'
import { recordOf } from './support.ts'

const request = { atMs: 0, entry: {} as never, record: recordOf(), notes: [] }

interface Rig {
  readonly app: FastifyInstance
  readonly redis: Redis
}

async function start(t: Test): Promise<Rig> {
  const server = await startRedis(t)
  const app = Fastify()
  await app.register(metrics, { redis: { url: server.url }, minSamples: 1 })
  app.get('/page', () => 'hello')
  await app.ready()
  t.teardown(() => app.close())
  const redis = new Redis(server.url, { maxRetriesPerRequest: 0, retryStrategy: () => null })
  redis.on('error', () => {})
  t.teardown(() => redis.disconnect())
  return { app, redis }
}

const KEY = 'hearthgate:v1:request_metrics'

t.test(
  'requests and analyses arrive under their names, without queries, bounded and for a time',
  { skip: withoutRedis },
  async t => {
    const { app, redis } = await start(t)
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    for (let i = 0; i < 120; i++) await (await fetch(`${url}/page?api_key=hunter2hunter2`)).text()
    while (exchangesOf(app).running > 0) await nextTurn()
    app.metrics.analyseAndKeep()
    await until(
      async () => (await redis.llen(KEY)) === 120 && (await redis.llen('hearthgate:v1:performance_analysis')) === 1,
      20_000,
    )
    const newest = (await redis.lindex(KEY, 0)) ?? ''
    t.match(JSON.parse(newest), {
      url: '/page?***',
      method: 'GET',
      status: 200,
      size: 5,
      outcome: 'ok',
      route: '/page',
    })
    t.notMatch((await redis.lrange(KEY, 0, -1)).join(), 'hunter2')
    const ttl = await redis.ttl(KEY)
    t.ok(ttl > 600_000 && ttl <= 604_800, String(ttl))
    t.match(JSON.parse((await redis.lindex('hearthgate:v1:performance_analysis', 0)) ?? ''), {
      route: '/page',
      count: 120,
    })
  },
)

t.test('an answer that was encoded is told under its algorithm', { skip: withoutRedis }, async t => {
  const server = await startRedis(t)
  const { signals } = contractOf(Fastify())
  const sink = new RedisSink({ url: server.url, signals, urlOf: () => '/' })
  const record = recordOf({ encoding: 'br', bytesRaw: 1000, bytesOut: 250, encodeMs: 2 })
  const notes = [{ topic: 'compression', reason: 'encoded', numbers: { level: 4, type: 'text' } }]
  sink.addRequest({ atMs: 1000, entry: {} as never, record, notes })
  const redis = new Redis(server.url)
  t.teardown(() => redis.disconnect())
  const key = 'hearthgate:v1:compression_stats:brotli'
  await until(async () => (await redis.llen(key)) === 1, 20_000)
  t.match(JSON.parse((await redis.lindex(key, 0)) ?? ''), {
    ...{ timestamp: 1, original_size: 1000, compressed_size: 250, ratio: 0.25, time: 2, level: 4, type: 'text' },
  })
  await sink.close()
})

for (const [trouble, make] of [
  ['killed', (server: RedisServer) => server.stop()],
  ['frozen', async (server: RedisServer) => void server.process.kill('SIGSTOP')],
  ['full', (server: RedisServer) => fill(server)],
] as const) {
  t.test(
    `nobody waits for a Redis that is ${trouble}; what it does not take is counted`,
    { skip: withoutRedis },
    async t => {
      const server = await startRedis(t)
      const { signals } = contractOf(Fastify())
      const sink = new RedisSink({ url: server.url, signals, urlOf: () => '/' })
      t.teardown(() => sink.close())
      const written = signals.counter('redis_sink_written_total', '').with()
      sink.addRequest(request)
      await until(() => written.value === 1, 20_000)
      await make(server)
      const tookMs: number[] = []
      for (let i = 0; i < 2 * MAX_WAITING; i++) {
        const began = performance.now()
        sink.addRequest(request)
        tookMs.push(performance.now() - began)
        if (i % 100 === 0) await nextTurn()
      }
      // Single hand-overs may meet the collector or another process; nearly all must not.
      const slow = tookMs.filter(ms => ms > 1).length
      t.ok(slow < tookMs.length / 500, `${slow} of ${tookMs.length} took more than 1 ms`)
      const lost = signals.counter('redis_sink_dropped_total', '', 'reason')
      await until(() => Array.from(lost.series()).some(({ point }) => point.value > 0), 20_000)
      const waiting = signals.gauge('redis_sink_waiting', '').with().value
      t.ok(waiting <= MAX_WAITING, `${waiting} wait`)
      t.ok(written.value <= 1, 'nothing was taken for written')
    },
  )
}

/** No room for another byte. */
async function fill({ url }: RedisServer): Promise<void> {
  const redis = new Redis(url)
  await redis.config('SET', 'maxmemory', '1')
  redis.disconnect()
}
