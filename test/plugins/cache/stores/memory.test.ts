/** The memory store. */
import t from 'tap'
import { MemoryStore } from '../../../../plugins/cache/stores/index.ts'
import { storeSuite } from './suite.ts'
import { bytesOf, put } from './support.ts'

storeSuite(t, async (t, input) => {
  const store = new MemoryStore(input)
  t.teardown(() => store.close())
  return store
})

t.test('Every operation answers at once, without a promise', async t => {
  const store = new MemoryStore()
  const writer = store.openWriter('k', '', { bodyLength: 2 })
  t.equal(writer.write(Buffer.from('hi')), true)
  const outcome = writer.commit({
    head: {},
    storedAtMs: Date.now(),
    expiresAtMs: Date.now() + 1_000,
    url: 'k',
    route: 'r',
    tags: [],
  })
  t.equal(outcome.stored, true)
  const entry = store.lookup('k')?.[0]
  t.equal(entry === undefined ? null : store.read(entry)?.toString(), 'hi')
  t.equal(store.purge({ by: 'all' }).removed, 1)
})

t.test('Bodies that are being written have a bound of their own and give their room back', async t => {
  const store = new MemoryStore({ maxBytes: 1_000_000 })
  const writers = Array.from({ length: 8 }, (_, at) => store.openWriter(`k${at}`, '', { bodyLength: null }))
  const taken = writers.map(writer => writer.write(bytesOf(100_000)))
  t.same(taken, [true, true, true, true, true, false, false, false])
  t.equal(writers[5]?.refusal, 'busy')
  for (const writer of writers) writer.abort()
  t.match(await put(store, 'k', bytesOf(400_000)), { stored: true })
  t.match(await put(store, 'k2', bytesOf(400_000)), { stored: true })
})

t.test('A stored body does not keep the block alive from which its chunk was cut', async t => {
  const store = new MemoryStore()
  const block = Buffer.alloc(65_536, 'x')
  await put(store, 'k', block.subarray(0, 100))
  const entry = store.lookup('k')?.[0]
  t.equal(entry === undefined ? 0 : store.read(entry)?.buffer.byteLength, 100)
})
