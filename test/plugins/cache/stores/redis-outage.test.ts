/** Redis that is away, frozen, killed and started again under load: nothing waits, nothing is wrong, all comes back. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Readable } from 'node:stream'
import t from 'tap'
import { RedisStore, readRedisAddress, type TieredStore } from '../../../../plugins/cache/stores/index.ts'
import { freePort } from '../../../support/free-ports.ts'
import { bytesOf, put, readAll, startRedis, type Teardown, until, withoutRedis } from './support.ts'

/** 50 ms for the question, and what its turns of the loop take. */
const LONGEST_MS = 100
const RECOVERY_MS = 5_000

function openAt(t: Teardown, port: number): RedisStore {
  const address = readRedisAddress(`redis://127.0.0.1:${port}/6`)
  if (address === null) throw new Error('no address')
  const store = new RedisStore({ address })
  t.teardown(() => store.close())
  return store
}

/** Beside the limit: twice the longest time for which the loop stood still, since the store does not count that. */
function watchLoop(t: Teardown): () => number {
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  t.teardown(() => delay.disable())
  return () => LONGEST_MS + (2 * delay.max) / 1e6
}

interface Load {
  hits: number
  misses: number
  wrong: number
  longestMs: number
  stop(): Promise<void>
}

/** Four clients that look up, read, write and lock, one operation after the other. */
function runLoad(store: RedisStore | TieredStore): Load {
  const load: Load = { hits: 0, misses: 0, wrong: 0, longestMs: 0, stop: async () => {} }
  let running = true
  const timed = async <T>(operation: Promise<T> | T): Promise<T> => {
    const begin = performance.now()
    const value = await operation
    load.longestMs = Math.max(load.longestMs, performance.now() - begin)
    return value
  }
  const client = async (number: number): Promise<void> => {
    for (let turn = 0; running; turn++) {
      const seed = 1 + ((number * 7 + turn) % 10)
      const key = `k${seed}`
      const [entry] = (await timed(store.lookup(key))) ?? []
      const body = entry === undefined ? null : await timed(Promise.resolve(readAll(store, entry)).catch(() => null))
      if (body === null) load.misses++
      else if (body.equals(bytesOf(20_000, seed))) load.hits++
      else load.wrong++
      if (body === null) await timed(put(store, key, bytesOf(20_000, seed)))
      ;(await timed(store.lock(key, 100))).release()
      await new Promise(resolve => setTimeout(resolve, 2))
    }
  }
  const clients = [1, 2, 3, 4].map(client)
  load.stop = async () => {
    running = false
    await Promise.all(clients)
  }
  return load
}

async function hitsAgain(load: Load, timeMs: number): Promise<void> {
  const before = load.hits
  await until(() => load.hits > before + 20, timeMs)
}

t.test('A store whose server never was there misses within the limit', async t => {
  const store = openAt(t, await freePort())
  const longestMs = watchLoop(t)
  const load = runLoad(store)
  await until(() => load.misses > 200, 10_000)
  await load.stop()
  t.equal(load.hits, 0)
  t.ok(load.longestMs < longestMs(), `${load.longestMs} ms of ${longestMs()} ms`)
  t.same((await store.stats()).available, false)
  t.match(await put(store, 'k', 'x'), { stored: false, reason: 'unavailable' })
  t.match(await store.purge({ by: 'all' }), { complete: false })
})

t.test('Frozen under load: misses only, within the limit, and back by itself', { skip: withoutRedis }, async t => {
  const server = await startRedis(t)
  const store = openAt(t, server.port)
  const longestMs = watchLoop(t)
  const load = runLoad(store)
  t.teardown(() => load.stop())
  await hitsAgain(load, 10_000)
  for (let round = 0; round < 2; round++) {
    server.process.kill('SIGSTOP')
    await until(async () => !(await store.stats()).available, 2_000)
    const hits = load.hits
    const misses = load.misses
    await until(() => load.misses > misses + 100, 5_000)
    t.equal(load.hits, hits, 'no hit while it is frozen')
    server.process.kill('SIGCONT')
    await hitsAgain(load, RECOVERY_MS)
  }
  await load.stop()
  t.equal(load.wrong, 0)
  t.ok(load.longestMs < longestMs(), `${load.longestMs} ms of ${longestMs()} ms`)
})

t.test('Killed and started again under load, empty: back by itself', { skip: withoutRedis }, async t => {
  const first = await startRedis(t)
  const store = openAt(t, first.port)
  const longestMs = watchLoop(t)
  const load = runLoad(store)
  t.teardown(() => load.stop())
  await hitsAgain(load, 10_000)
  await first.stop()
  await until(async () => !(await store.stats()).available, 2_000)
  const misses = load.misses
  await until(() => load.misses > misses + 100, 5_000)
  await startRedis(t, [], first.port)
  await hitsAgain(load, RECOVERY_MS)
  await load.stop()
  t.equal(load.wrong, 0)
  t.ok(load.longestMs < longestMs(), `${load.longestMs} ms of ${longestMs()} ms`)
})

t.test(
  'A purge during an outage is masked at once and carried out before the store is used again',
  {
    skip: withoutRedis,
  },
  async t => {
    const server = await startRedis(t)
    const store = openAt(t, server.port)
    await until(async () => (await put(store, 'a', 'one')).stored, 5_000)
    await until(async () => (await put(store, 'b', 'two')).stored, 5_000)
    server.process.kill('SIGSTOP')
    t.same(await store.purge({ by: 'url', value: 'a' }), { removed: 0, complete: false })
    server.process.kill('SIGCONT')
    await until(async () => (await store.lookup('b')) !== null, RECOVERY_MS)
    t.equal(await store.lookup('a'), null)
    await until(async () => (await store.stats()).entries === 1, RECOVERY_MS)
  },
)

t.test(
  'A stream that is cut by an outage breaks off and never ends as if it were whole',
  {
    skip: withoutRedis,
  },
  async t => {
    const server = await startRedis(t)
    const store = openAt(t, server.port)
    const body = bytesOf(4_000_000)
    let reading: Buffer | Readable | null = null
    // A busy machine may need more than 50 ms for any of these, which is a miss and no mistake.
    await until(async () => {
      await put(store, 'film', body)
      const [entry] = (await store.lookup('film')) ?? []
      reading = entry === undefined ? null : await store.read(entry)
      return reading !== null
    }, 10_000)
    const stream = reading as unknown as Readable
    t.ok(stream instanceof Readable)
    const received = (async () => {
      let length = 0
      for await (const chunk of stream) {
        length += (chunk as Buffer).length
        if (length < 600_000) server.process.kill('SIGSTOP')
      }
      return length
    })()
    await t.rejects(received, { message: 'the cache lost the rest of a body' })
  },
)
