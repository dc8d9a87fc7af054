/** The Redis store on a server of its own, on a Cluster of one node and behind a Sentinel. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { RedisStore, readRedisAddress } from '../../../../plugins/cache/stores/index.ts'
import { KEY_PREFIX } from '../../../../plugins/cache/stores/redis/keys.ts'
import { CLUSTER_SHARDS, MAX_WRITERS_OF_KEY } from '../../../../plugins/cache/stores/redis/store.ts'
import { freePort } from '../../../support/free-ports.ts'
import { type OpenInput, storeSuite } from './suite.ts'
import {
  bytesOf,
  metaOf,
  put,
  readAll,
  startRedis,
  type Teardown,
  temporaryFolder,
  textOf,
  until,
  withoutRedis,
} from './support.ts'

/** Slow machines run the suite too: what it asks is not how fast Redis is. */
const PATIENCE_MS = 2_000

async function openAt(t: Teardown, url: string, input: OpenInput = {}): Promise<RedisStore> {
  const address = readRedisAddress(url)
  if (address === null) throw new Error(url)
  const store = new RedisStore({ commandTimeoutMs: PATIENCE_MS, ...input, address })
  t.teardown(() => store.close())
  await until(async () => (await store.stats()).available && (await store.purge({ by: 'all' })).complete, 10_000)
  return store
}

t.test('One server', { skip: withoutRedis }, async t => {
  const server = await startRedis(t)
  storeSuite(t, (t, input) => openAt(t, server.url, input))

  t.test('Every key has a TTL and is of ours, and nothing is left after a purge but the log of purges', async t => {
    const store = await openAt(t, server.url)
    const client = new Redis(server.url)
    t.teardown(() => client.disconnect())
    await client.flushdb()
    await put(store, 'http://wiki/secret', bytesOf(600_000), { tags: ['a'] })
    await store.lock('k', 10_000)
    const keys = await client.keys('*')
    t.ok(keys.length > 8)
    for (const key of keys) {
      t.ok(key.startsWith(`${KEY_PREFIX}{0}:`) && !key.includes('secret'), key)
      t.ok((await client.pttl(key)) > 0, `${key} has a TTL`)
    }
    await store.purge({ by: 'all' })
    const left = (await client.keys('*')).map(key => key.slice(`${KEY_PREFIX}{0}:`.length)).sort()
    t.same(
      left.filter(key => !key.startsWith('lock:')),
      ['bytes', 'purges', 'seq'],
    )
    t.equal(await client.get(`${KEY_PREFIX}{0}:bytes`), '0')
  })

  t.test('A body of which Redis has lost a chunk is a miss and is forgotten', async t => {
    const store = await openAt(t, server.url)
    const client = new Redis(server.url)
    t.teardown(() => client.disconnect())
    await client.flushdb()
    await put(store, 'k', bytesOf(600_000))
    await client.del((await client.keys('*:b:*:2'))[0] as string)
    const [entry] = (await store.lookup('k')) ?? []
    t.ok(entry)
    if (entry === undefined) return
    t.equal(await store.read(entry), null)
    await until(async () => (await store.lookup('k')) === null, 2_000)
    t.match(await put(store, 'k', 'again'), { stored: true })
    t.equal(await textOf(store, 'k'), 'again')
  })

  t.test('A body of which a chunk goes while it is written is not stored', async t => {
    const store = await openAt(t, server.url)
    const client = new Redis(server.url)
    t.teardown(() => client.disconnect())
    await client.flushdb()
    const writer = store.openWriter('k', '', { bodyLength: null })
    await writer.write(bytesOf(300_000))
    await until(async () => (await client.keys('*:b:*')).length === 1, 2_000)
    await client.flushdb()
    const now = Date.now()
    const meta = { head: {}, storedAtMs: now, expiresAtMs: now + 60_000, url: 'k', route: 'r', tags: [] }
    t.match(await writer.commit(meta), { stored: false })
    t.equal(await store.lookup('k'), null)
  })

  t.test('Two gateways see each other: entries, purges, locks, and a purge against a writer of the other', async t => {
    const [one, other] = [await openAt(t, server.url), await openAt(t, server.url)]
    await put(one, 'k', 'hello')
    t.equal(await textOf(other, 'k'), 'hello')
    t.equal((await one.lock('shared', 10_000)).acquired, true)
    t.equal((await other.lock('shared', 10_000)).acquired, false)
    const writer = other.openWriter('k', '', { bodyLength: null })
    await writer.write(Buffer.from('old'))
    await other.stats()
    t.same(await one.purge({ by: 'prefix', value: 'k' }), { removed: 1, complete: true })
    const now = Date.now()
    const meta = { head: {}, storedAtMs: now, expiresAtMs: now + 60_000, url: 'k', route: 'r', tags: [] }
    t.same(await writer.commit(meta), { stored: false, reason: 'purged' })
    t.equal(await textOf(other, 'k'), null)
  })

  t.test('A server that has no room refuses the write and is not blamed for it', async t => {
    const store = await openAt(t, server.url)
    const client = new Redis(server.url)
    t.teardown(() => client.disconnect())
    await put(store, 'k', 'kept')
    await client.config('SET', 'maxmemory', '1')
    for (let attempt = 0; attempt < 4; attempt++)
      t.same(await put(store, 'full', 'x'), { stored: false, reason: 'store_full' })
    t.equal(await textOf(store, 'k'), 'kept')
    t.same(await store.delete('k'), { removed: 1, complete: true }, 'what is full can be emptied')
    t.match(await store.purge({ by: 'all' }), { complete: true })
    await client.config('SET', 'maxmemory', '0')
    t.match(await put(store, 'full', 'x'), { stored: true })
  })

  writerTests(t, server.url)
})

/** Open writers and the purges beside them, as they stand in Redis. */
function writerTests(t: Test, url: string): void {
  async function openEmpty(t: Teardown): Promise<{ store: RedisStore; client: Redis }> {
    const store = await openAt(t, url)
    const client = new Redis(url)
    t.teardown(() => client.disconnect())
    await client.flushdb()
    return { store, client }
  }

  t.test('Bodies that are written side by side are all stored while each writer deletes two other keys', async t => {
    const { store, client } = await openEmpty(t)
    const fill = async (at: number): Promise<unknown> => {
      const writer = store.openWriter(`k${at}`, '', { bodyLength: null })
      await writer.write(bytesOf(1_000, at + 1))
      await Promise.all([store.delete(`http://wiki/${at}`), store.delete(`https://wiki/${at}`)])
      return writer.commit(metaOf(`k${at}`))
    }
    const outcomes = await Promise.all(Array.from({ length: 50 }, (_, at) => fill(at)))
    for (const outcome of outcomes) t.match(outcome, { stored: true })
    t.equal(await client.get(`${KEY_PREFIX}{0}:seq`), null, 'the log of purges has not moved')
  })

  t.test('A writer that is opened after a purge of its key is not named by it', async t => {
    const { store } = await openEmpty(t)
    for (const selector of [{ by: 'key', value: 'k' }, { by: 'url', value: 'k' }, { by: 'all' }] as const) {
      const purges = Array.from({ length: 20 }, () => store.purge(selector))
      const writer = store.openWriter('k', '', { bodyLength: null })
      await Promise.all(purges)
      t.match(await writer.commit(metaOf('k')), { stored: true }, selector.by)
    }
  })

  t.test('Deleting a key that holds nothing is one question and leaves nothing in Redis', async t => {
    const { store, client } = await openEmpty(t)
    await client.config('RESETSTAT')
    await Promise.all(Array.from({ length: 100 }, (_, at) => store.delete(`k${at}`)))
    const stats = await client.info('commandstats')
    t.match(stats, /cmdstat_eval:calls=100,/)
    t.notMatch(stats, /cmdstat_(publish|incr|set|hset|zadd):/)
    t.same(await client.keys('*'), [])
  })

  t.test('Purges that name more than a key are compared with a writer, as far back as they are remembered', async t => {
    const { store } = await openEmpty(t)
    const [first, second] = ['k', 'k2'].map(key => store.openWriter(key, '', { bodyLength: null }))
    await store.stats()
    for (let at = 0; at < 300; at++) await store.purge({ by: 'url', value: `http://wiki/${at}` })
    t.match(await first?.commit(metaOf('k')), { stored: true })
    const purges = Array.from({ length: 800 }, (_, at) => store.purge({ by: 'tag', value: `${at}` }))
    await Promise.all(purges)
    t.same(await second?.commit(metaOf('k2')), { stored: false, reason: 'purged' })
  })

  t.test('A purge by another gateway refuses the writers of its key, and no others', async t => {
    const { store } = await openEmpty(t)
    const other = await openAt(t, url)
    const keys = ['k', 'k', 'k2']
    const writers = keys.map((key, at) => store.openWriter(key, `${at % 2}`, { bodyLength: null }))
    await store.stats()
    await other.delete('k', '1')
    t.match(await writers[0]?.commit(metaOf('k')), { stored: true })
    t.match(await writers[1]?.commit(metaOf('k')), { stored: false, reason: 'purged' })
    await other.delete('k')
    t.match(await writers[2]?.commit(metaOf('k2')), { stored: true })
    t.equal(await store.lookup('k'), null)
  })

  t.test('A writer that is given up leaves no note, and notes of the dead are bounded', async t => {
    const { store, client } = await openEmpty(t)
    const writer = store.openWriter('k', '', { bodyLength: null })
    await until(async () => (await client.keys('*:w:*')).length === 1, 2_000)
    const [note] = await client.keys('*:w:*')
    t.ok((await client.pttl(note as string)) > 0, 'the note has a TTL')
    writer.abort()
    await until(async () => (await client.keys('*')).length === 0, 2_000)
    for (let at = 0; at < MAX_WRITERS_OF_KEY; at++) await client.hset(note as string, `dead ${at}`, '')
    t.match(await put(store, 'k', 'x'), { stored: true })
    t.same(await client.keys('*:w:*'), [])
  })

  t.test('A writer whose note Redis has lost is refused', async t => {
    const { store, client } = await openEmpty(t)
    const writer = store.openWriter('k', '', { bodyLength: null })
    await until(async () => (await client.keys('*:w:*')).length === 1, 2_000)
    await client.flushdb()
    t.same(await writer.commit(metaOf('k')), { stored: false, reason: 'purged' })
  })
}

t.test('A Cluster', { skip: withoutRedis }, async t => {
  const server = await startRedis(t, ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'])
  const client = new Redis({ host: '127.0.0.1', port: server.port })
  await client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  await until(async () => (await client.cluster('INFO')).includes('cluster_state:ok'), 10_000)
  client.disconnect()
  const url = `redis+cluster://127.0.0.1:${server.port}`
  storeSuite(t, (t, input) => openAt(t, url, input), { shards: CLUSTER_SHARDS })
})

t.test('A Sentinel names the master', { skip: withoutRedis }, async t => {
  const server = await startRedis(t)
  const port = await freePort()
  const file = join(temporaryFolder(t), 'sentinel.conf')
  writeFileSync(file, `sentinel monitor home 127.0.0.1 ${server.port} 1\n`)
  const sentinel = await startSentinel(t, file, port)
  t.ok(sentinel)
  const store = await openAt(t, `redis+sentinel://127.0.0.1:${port}/home/6`)
  await put(store, 'k', bytesOf(300_000))
  const [entry] = (await store.lookup('k')) ?? []
  t.ok(entry !== undefined && (await readAll(store, entry))?.equals(bytesOf(300_000)))
})

async function startSentinel(t: Teardown, file: string, port: number): Promise<boolean> {
  const { spawn } = await import('node:child_process')
  const child = spawn('redis-server', [file, '--sentinel', '--port', String(port), '--bind', '127.0.0.1'], {
    stdio: 'ignore',
  })
  t.teardown(() => child.kill('SIGKILL'))
  const client = new Redis({ host: '127.0.0.1', port, retryStrategy: () => 50, maxRetriesPerRequest: 200 })
  client.on('error', () => {})
  const pong = await client.ping()
  client.disconnect()
  return pong === 'PONG'
}
