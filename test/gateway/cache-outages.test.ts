/**
 * Redis goes away in every way it can while requests keep coming: each is answered rightly and in time, and the cache
 * comes back by itself. A folder that cannot be written costs hits and nothing else.
 */
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type RedisServer, startRedis, withoutRedis } from '../plugins/cache/stores/support.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { type CheckedOrigin, checkedOrigin, fileBytes } from './cache-checked-origin.ts'
import {
  type Answered,
  ask,
  cachingGateway,
  endIdleConnections,
  isHit,
  isLong,
  isSound,
  lifeOf,
  percentile,
  rounded,
  type Sample,
  type SteadyLoad,
  steadyLoad,
} from './cache-support.ts'
import { eventually } from './support.ts'

t.teardown(endIdleConnections)

/** How much slower than the route without cache the cached one may be while Redis is away. */
const MOST_EXTRA_MS = isLong ? 50 : 500
/** Until the circuit is open each question may cost the command timeout of 50 ms, and a request asks twice or thrice. */
const FIRST_HANDFUL_MS = 500
const RECOVERY_MS = 10_000
const OUTAGE_MS = isLong ? 10_000 : 2_000
/** Four loads run at once, on a machine that other tests share. */
const EVERY_MS = isLong ? 10 : 25

const paths = Array.from({ length: 20 }, (_, number) => `/page${number}?size=20000`)

interface Lab {
  readonly origin: CheckedOrigin
  readonly gateway: GatewayProcess
  /** A request each EVERY_MS on the cached route, and as many on the one without cache. */
  readonly cached: SteadyLoad
  readonly plain: SteadyLoad
}

async function lab(t: Test, redis: RedisServer, memory: string): Promise<Lab> {
  const origin = await checkedOrigin(t)
  const gateway = await cachingGateway(
    t,
    origin.url,
    `store: ${redis.url}\nstore_limits: { memory: ${memory} }\ndefaults: { admission: false }`,
  )
  const cached = steadyLoad(gateway.port, paths, EVERY_MS)
  const plain = steadyLoad(gateway.port, paths, EVERY_MS, { host: 'plain' })
  t.teardown(() => Promise.all([cached.stop(), plain.stop()]))
  return { origin, gateway, cached, plain }
}

/** Waits until the last answers are hits; answers how long it took. */
async function hitsAgain({ cached }: Lab): Promise<number> {
  const began = performance.now()
  await eventually(() => {
    const last = cached.samples.slice(-10)
    return last.length === 10 && last.every(({ at, isHit }) => isHit && at > began)
  }, RECOVERY_MS)
  return performance.now() - began
}

/** On a machine that cannot keep up, what is too much is refused with 503, with a cache or without. */
const isRefused = ({ isRight, what }: Sample): boolean => !isRight && what.includes(' 503 ')
const isWrong = (sample: Sample): boolean => !sample.isRight && !isRefused(sample)

type Way = 'SIGTERM' | 'SIGKILL' | 'SIGSTOP'

async function outage(
  t: Test,
  { redis, way, labs }: { redis: RedisServer; way: Way; labs: Lab[] },
): Promise<RedisServer> {
  const from = performance.now()
  redis.process.kill(way)
  if (way !== 'SIGSTOP') await once(redis.process, 'exit')
  await sleep(OUTAGE_MS)
  const until = performance.now()
  if (way === 'SIGSTOP') redis.process.kill('SIGCONT')
  const next = way === 'SIGSTOP' ? redis : await startRedis(t, [], redis.port)
  for (const [number, one] of labs.entries()) {
    const back = await hitsAgain(one)
    tell(t, `${way}, ${number === 0 ? 'without' : 'with'} memory in front`, one, { from, until, back })
  }
  return next
}

function tell(
  t: Test,
  name: string,
  { cached, plain }: Lab,
  times: { from: number; until: number; back: number },
): void {
  const { from, until, back } = times
  const calm = from + FIRST_HANDFUL_MS
  const [before, after] = [cached.since(from, calm), cached.since(calm, until)]
  const [beforePlain, afterPlain] = [plain.since(from, calm), plain.since(calm, until)]
  const [longest, longestPlain] = [percentile(before, 1), percentile(beforePlain, 1)].map(rounded) as [number, number]
  const [p99, p99Plain] = [percentile(after, 0.99), percentile(afterPlain, 0.99)].map(rounded) as [number, number]
  const hits = after.filter(({ isHit }) => isHit).length
  t.comment(`${name}: the first ${FIRST_HANDFUL_MS} ms: longest ${longest}, without cache ${longestPlain} ms; then p50`)
  t.comment(
    `${rounded(percentile(after, 0.5))} p99 ${p99}, without cache p50 ${rounded(percentile(afterPlain, 0.5))} p99`,
  )
  t.comment(`${p99Plain} ms; ${hits} of ${after.length} hits; hits again after ${Math.round(back)} ms`)
  // A machine that runs other tests meanwhile says nothing about 50 ms; a Redis that is waited for costs seconds.
  t.ok(p99 - p99Plain <= Math.max(MOST_EXTRA_MS, p99Plain), `${name}: p99 ${p99} ms, without cache ${p99Plain} ms`)
  t.ok(longest - longestPlain < FIRST_HANDFUL_MS, `${name}: longest ${longest} ms, without cache ${longestPlain} ms`)
}

t.test(
  'Redis stopped, killed and frozen under load: every answer is right and in time',
  { skip: withoutRedis },
  async t => {
    let redis = await startRedis(t)
    const labs = [await lab(t, redis, 'off'), await lab(t, redis, '64MiB')]
    for (const one of labs) await hitsAgain(one)
    for (const way of ['SIGTERM', 'SIGKILL', 'SIGSTOP'] as const) redis = await outage(t, { redis, way, labs })
    for (const { cached, plain } of labs) {
      await Promise.all([cached.stop(), plain.stop()])
      const name = `all of ${cached.samples.length} answers are right`
      t.strictSame(cached.samples.filter(isWrong), [], name)
      t.strictSame(plain.samples.filter(isWrong), [])
      const [refused, refusedPlain] = [cached, plain].map(({ samples }) => samples.filter(isRefused).length)
      t.ok((refused ?? 0) <= (refusedPlain ?? 0), `${refused} were refused, without cache ${refusedPlain}`)
    }
  },
)

interface Link {
  readonly url: string
  /** Lets so many more bytes of Redis through, and then none. */
  breakAfter(bytes: number): void
}

/** A way to Redis that can fall silent in the middle of an answer. */
async function breakableLink(t: Test, redis: RedisServer): Promise<Link> {
  let left = Number.POSITIVE_INFINITY
  const server = net.createServer(near => {
    const far = net.connect(redis.port, '127.0.0.1')
    t.teardown(() => [near, far].forEach(socket => void socket.destroy()))
    for (const socket of [near, far]) socket.on('error', () => {})
    near.on('close', () => far.destroy()).pipe(far)
    far.on('data', chunk => {
      left -= chunk.length
      if (left > 0) near.write(chunk)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  return {
    url: `redis://127.0.0.1:${port}/6`,
    breakAfter: bytes => {
      left = bytes
    },
  }
}

t.test(
  'Redis falls silent while a stored part is read to be joined: the gateway lives',
  { skip: withoutRedis },
  async t => {
    const [origin, redis] = await Promise.all([checkedOrigin(t), startRedis(t)])
    const link = await breakableLink(t, redis)
    const gateway = await cachingGateway(t, origin.url, `store: ${link.url}`)
    const part = (first: number, last: number): Promise<Answered> =>
      ask(gateway.port, '/film?size=100000000&file&etag', { headers: { range: `bytes=${first}-${last}` } })
    await eventually(async () => isHit(await part(0, 4_194_303)), 10_000)
    link.breakAfter(1_500_000)
    const next = await part(4_194_304, 8_000_000)
    t.equal(next.status, 206)
    t.ok(next.body.equals(fileBytes(4_194_304, 8_000_001)))
    // A chunk is waited for 900 ms.
    await sleep(1_500)
    t.ok(isSound(await ask(gateway.port, '/after'), '/after'), lifeOf(gateway))
    t.equal(gateway.child.exitCode, null, lifeOf(gateway))
  },
)
