/** Redis that answers, but not as it should: full, a replica, forbidding, foreign in its types, cut in its values. */
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { RedisStore, readRedisAddress } from '../../../../plugins/cache/stores/index.ts'
import { bytesOf, put, readAll, startRedis, until, withoutRedis } from './support.ts'

const KEYS = 10
const BODY_BYTES = 20_000
const DATABASE = 6
/** A pause of the circuit or two, on a busy machine. */
const RECOVERY_MS = 15_000

interface Load {
  hits: number
  misses: number
  wrong: number
  stop(): Promise<void>
}

/** Clients that read what is there and write what is not. */
function runLoad(t: Test, store: RedisStore): Load {
  let isRunning = true
  const load: Load = { hits: 0, misses: 0, wrong: 0, stop: async () => {} }
  const client = async (first: number): Promise<void> => {
    for (let turn = first; isRunning; turn++) {
      const seed = 1 + (turn % KEYS)
      const [entry] = (await store.lookup(`k${seed}`)) ?? []
      // A body that breaks off is seen to do so.
      const body = entry === undefined ? null : await readAll(store, entry).catch(() => null)
      if (body === null) load.misses++
      else if (body.equals(bytesOf(BODY_BYTES, seed))) load.hits++
      else load.wrong++
      if (body === null) await put(store, `k${seed}`, bytesOf(BODY_BYTES, seed))
      await new Promise(resolve => setTimeout(resolve, 3))
    }
  }
  const clients = [0, 3, 6].map(client)
  load.stop = async () => {
    isRunning = false
    await Promise.all(clients)
  }
  t.teardown(() => load.stop())
  return load
}

interface State {
  readonly begin: (admin: Redis) => Promise<unknown>
  readonly end: (admin: Redis) => Promise<unknown>
  /** What is stored can be read meanwhile. */
  readonly isReadable: boolean
}

const emptied = (admin: Redis) => admin.flushdb()

async function eachKey(admin: Redis, change: (key: string, type: string) => Promise<unknown>): Promise<void> {
  for (const key of await admin.keys('*')) await change(key, await admin.type(key))
}

async function swapTypes(admin: Redis): Promise<void> {
  await eachKey(admin, async (key, type) => {
    await admin.del(key)
    await (type === 'string' ? admin.hset(key, 'a', '1') : admin.set(key, 'a'))
  })
}

async function cutValues(admin: Redis): Promise<void> {
  await eachKey(admin, async (key, type) => {
    if (type !== 'string') return
    const value = await admin.getBuffer(key)
    if (value !== null && value.length > 100) await admin.set(key, value.subarray(0, value.length >> 1), 'KEEPTTL')
  })
}

const states: Record<string, State> = {
  'full, and told to throw nothing away': {
    begin: admin => admin.config('SET', 'maxmemory', '1mb'),
    end: admin => admin.config('SET', 'maxmemory', '0'),
    isReadable: true,
  },
  'a replica whose master is away': {
    begin: admin => admin.replicaof('127.0.0.1', 1),
    end: admin => admin.replicaof('NO', 'ONE'),
    isReadable: false,
  },
  'no longer allowing scripts': {
    begin: admin => admin.call('ACL', 'SETUSER', 'default', '-eval', '-evalsha'),
    end: admin => admin.call('ACL', 'SETUSER', 'default', '+@all'),
    isReadable: false,
  },
  'holding other types under the names of the cache': { begin: swapTypes, end: emptied, isReadable: false },
  'holding half of each value': { begin: cutValues, end: emptied, isReadable: false },
}

for (const [name, { begin, end, isReadable }] of Object.entries(states)) {
  t.test(`Redis that is ${name}`, { skip: withoutRedis, timeout: 60_000 }, async t => {
    const { port } = await startRedis(t)
    const admin = new Redis({ host: '127.0.0.1', port, db: DATABASE })
    admin.on('error', () => {})
    t.teardown(() => admin.disconnect())
    const address = readRedisAddress(`redis://127.0.0.1:${port}/${DATABASE}`)
    if (address === null) throw new Error('no address')
    const store = new RedisStore({ address })
    t.teardown(() => store.close())
    const load = runLoad(t, store)
    await until(() => load.hits > 50, RECOVERY_MS)

    const { misses } = load
    await begin(admin)
    const { hits } = load
    if (isReadable) {
      t.match(await put(store, 'one more', bytesOf(10)), { stored: false, reason: 'store_full' })
      await until(() => load.hits > hits + 50, RECOVERY_MS)
      t.equal(store.available, true, 'what it has is still asked for')
      t.match(await store.purge({ by: 'url', value: 'k1' }), { complete: true }, 'what is purged goes')
    } else await until(() => load.misses > misses + KEYS / 2, RECOVERY_MS)

    await end(admin)
    const before = load.hits
    await until(() => load.hits > before + 50, RECOVERY_MS)
    await load.stop()
    t.equal(load.wrong, 0)
  })
}
