/** Memory in front of a disk and of Redis, and news between gateways. */
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import {
  type CacheStore,
  MemoryStore,
  openDiskStore,
  openStore,
  TieredStore,
} from '../../../../plugins/cache/stores/index.ts'
import { storeSuite } from './suite.ts'
import { bytesOf, put, readAll, startRedis, temporaryFolder, textOf, until, withoutRedis } from './support.ts'

t.test('In front of a disk', async t => {
  storeSuite(t, async (t, input) => {
    const store = await openStore(`disk:${temporaryFolder(t)}`, { ...input, frontBytes: 1024 * 1024 })
    t.teardown(() => store.close())
    return store
  })
})

async function openAt(t: Test, url: string, input = {}): Promise<CacheStore> {
  const store = await openStore(url, { commandTimeoutMs: 2_000, ...input })
  t.teardown(() => store.close())
  await until(async () => (await store.purge({ by: 'all' })).complete, 10_000)
  return store
}

t.test('In front of Redis', { skip: withoutRedis }, async t => {
  const server = await startRedis(t)
  storeSuite(t, async (t, input) => {
    const client = new Redis(server.url)
    await client.flushdb()
    client.disconnect()
    return openAt(t as Test, server.url, input)
  })
})

t.test('What was read once is answered without the store behind, a large body is not kept', async t => {
  const back = await openDiskStore({ folder: temporaryFolder(t) })
  const first = new TieredStore({ back, version: () => back.version() })
  t.teardown(() => first.close())
  await put(first, 'small', bytesOf(100_000))
  await put(first, 'large', bytesOf(2_000_000))
  const second = new TieredStore({ back, version: () => back.version() })
  const read = async (key: string): Promise<unknown> => {
    const entry = (await second.lookup(key))?.[0]
    if (entry === undefined) return null
    await readAll(second, entry)
    return second.read(entry)
  }
  t.ok(Buffer.isBuffer(await read('small')))
  const large = read('large')
  t.notOk(Buffer.isBuffer(await large))
  const set = second.lookup('small')
  t.notOk(set instanceof Promise)
  t.equal((await second.stats()).kind, 'memory+disk')
})

t.test('What another process does to the same disk is seen at once', async t => {
  const folder = temporaryFolder(t)
  const [one, other] = [await openStore(`disk:${folder}`), await openStore(`disk:${folder}`)]
  t.teardown(() => Promise.all([one.close(), other.close()]))
  for (let round = 0; round < 20; round++) {
    await put(one, 'k', `body ${round}`)
    t.equal(await textOf(other, 'k'), `body ${round}`)
    await one.purge({ by: 'tag', value: 'none' })
    t.equal(await textOf(other, 'k'), `body ${round}`)
    await other.delete('k')
    t.equal(await textOf(one, 'k'), null)
  }
})

t.test('A change in one gateway reaches the memory of the other', { skip: withoutRedis }, async t => {
  const server = await startRedis(t)
  const [one, other] = [await openAt(t, server.url), await openAt(t, server.url)]
  await put(one, 'k', 'first')
  t.equal(await textOf(other, 'k'), 'first')
  await put(one, 'k', 'second')
  await until(async () => (await textOf(other, 'k')) === 'second', 2_000)
  await one.purge({ by: 'prefix', value: 'k' })
  await until(async () => (await textOf(other, 'k')) === null, 2_000)
})

t.test(
  'A burst of purges is told in one message and reaches the memory of the other',
  { skip: withoutRedis },
  async t => {
    const server = await startRedis(t)
    const [one, other] = [await openAt(t, server.url), await openAt(t, server.url)]
    const keys = Array.from({ length: 50 }, (_, at) => `http://wiki/${at}`)
    for (const key of keys) await put(one, key, key)
    for (const key of keys) t.equal(await textOf(other, key), key)
    const heard: string[] = []
    const listener = new Redis(server.url)
    t.teardown(() => listener.disconnect())
    listener.on('message', (_, text: string) => text.includes('"purged"') && heard.push(text))
    await listener.subscribe('hearthgate:v1:cache:news')
    await Promise.all(keys.flatMap(key => [one.delete(key), one.delete(`${key}/nothing`)]))
    const isGone = async (key: string): Promise<boolean> => (await textOf(other, key)) === null
    await until(async () => (await Promise.all(keys.map(isGone))).every(Boolean), 2_000)
    await until(() => keys.every(key => heard.some(text => text.includes(`"${key}/nothing"`))), 2_000)
    t.ok(heard.length <= 10, `${heard.length} messages for 100 purges`)
  },
)

t.test('Gateways with stores of their own carry out each other’s purges', { skip: withoutRedis }, async t => {
  const server = await startRedis(t)
  const one = await openStore('memory', { newsUrl: server.url })
  const other = await openStore(`disk:${temporaryFolder(t)}`, { newsUrl: server.url })
  t.teardown(() => Promise.all([one.close(), other.close()]))
  await put(one, 'k', 'one')
  await put(other, 'k', 'other')
  t.equal(await textOf(one, 'k'), 'one')
  t.equal(await textOf(other, 'k'), 'other')
  await until(async () => {
    await one.delete('k')
    return (await textOf(other, 'k')) === null
  }, 10_000)
  // The disk hides what is being purged before its index has answered.
  await until(async () => (await other.stats()).purged > 0, 2_000)
  t.equal((await other.stats()).purged, 1)
})

t.test('Without news a set is believed for five seconds only', async t => {
  let ahead = 0
  const back = new MemoryStore()
  const store = new TieredStore({ back, now: () => Date.now() + ahead })
  await put(store, 'k', 'first')
  t.equal(await textOf(store, 'k'), 'first')
  await put(back, 'k', 'behind its back')
  t.equal(await textOf(store, 'k'), 'first')
  ahead = 6_000
  t.equal(await textOf(store, 'k'), 'behind its back')
})

t.test('An address that is none, or a folder that cannot be used, is an error with its reason', async t => {
  for (const address of ['disk:', 'memcached://x', 'redis://', 'disk:/dev/null/cache'])
    await t.rejects(openStore(address), { code: 'HG_CACHE_STORE' }, address)
})
