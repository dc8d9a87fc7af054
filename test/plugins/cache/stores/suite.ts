/** What every store must do, run against each of them. */

import type { Readable } from 'node:stream'
import fc from 'fast-check'
import type { Test } from 'tap'
import type { BoundsInput, CacheStore, Clock, PurgeSelector } from '../../../../plugins/cache/stores/index.ts'
import { bytesOf, HOUR_MS, metaOf, put, readAll, type Teardown, textOf } from './support.ts'

export interface OpenInput extends BoundsInput {
  readonly now?: Clock
}

/** Opens an empty store; closed by the test. */
export type Open = (t: Teardown, input?: OpenInput) => Promise<CacheStore>

const EVERY_SELECTOR: readonly { selector: PurgeSelector; left: string[] }[] = [
  { selector: { by: 'url', value: 'http://a/1' }, left: ['http://a/10', 'http://b/1'] },
  { selector: { by: 'prefix', value: 'http://a/' }, left: ['http://b/1'] },
  { selector: { by: 'prefix', value: 'http://a/1' }, left: ['http://b/1'] },
  { selector: { by: 'prefix', value: 'http://c/' }, left: ['http://a/1', 'http://a/10', 'http://b/1'] },
  { selector: { by: 'route', value: 'route of http://a/10' }, left: ['http://a/1', 'http://b/1'] },
  { selector: { by: 'tag', value: 'shared' }, left: [] },
  { selector: { by: 'tag', value: 'tag of http://b/1' }, left: ['http://a/1', 'http://a/10'] },
  { selector: { by: 'key', value: 'http://b/1' }, left: ['http://a/1', 'http://a/10'] },
  { selector: { by: 'all' }, left: [] },
]

export interface SuiteInput {
  /** Parts that keep their share of the bytes each by itself. */
  readonly shards?: number
}

export function storeSuite(t: Test, open: Open, { shards = 1 }: SuiteInput = {}): void {
  t.test('What was written is found and read back, an empty body too', async t => {
    const store = await open(t)
    const tags = ['a', 'b']
    t.match(await put(store, 'k', 'hello', { variant: 'gzip', tags, head: { status: 200, list: ['x'] } }), {
      stored: true,
    })
    const [entry, ...others] = (await store.lookup('k')) ?? []
    t.same(others, [])
    t.match(entry, { key: 'k', variant: 'gzip', bodyLength: 5, tags, route: 'wiki', url: 'k' })
    t.same(entry?.head, { status: 200, list: ['x'] })
    t.equal(await textOf(store, 'k'), 'hello')
    await put(store, 'empty', '')
    t.equal(await textOf(store, 'empty'), '')
    t.equal(await store.lookup('other'), null)
  })

  t.test('Any range of a body of several chunks is exact', async t => {
    const store = await open(t)
    const body = bytesOf(700_001)
    await put(store, 'film', body)
    const [entry] = (await store.lookup('film')) ?? []
    const offset = fc.nat({ max: body.length - 1 })
    const borders = [0, 65_535, 65_536, 262_143, 262_144, 262_145, 524_288, body.length - 1]
    const pairs = fc.tuple(fc.oneof(offset, fc.constantFrom(...borders)), fc.oneof(offset, fc.constantFrom(...borders)))
    await fc.assert(
      fc.asyncProperty(pairs, async ([one, other]) => {
        const [start, end] = [Math.min(one, other), Math.max(one, other)]
        const found = entry === undefined ? null : await readAll(store, entry, { start, end })
        return found?.equals(body.subarray(start, end + 1)) ?? false
      }),
      { numRuns: 40 },
    )
    t.ok(entry !== undefined && (await readAll(store, entry))?.equals(body))
  })

  t.test('Nothing of a body is seen before it is whole, and nothing is left of one that was given up', async t => {
    const store = await open(t)
    const writer = store.openWriter('k', '', { bodyLength: null })
    await writer.write(Buffer.from('half'))
    t.equal(await store.lookup('k'), null)
    writer.abort()
    t.equal(writer.refusal, 'aborted')
    t.equal(await writer.write(Buffer.from('more')), false)
    t.same(await writer.commit(metaOf('k')), { stored: false, reason: 'aborted' })
    t.equal(await store.lookup('k'), null)
    t.same(await put(store, 'k', 'cut', { bodyLength: 10 }), { stored: false, reason: 'length_mismatch' })
    t.equal(await store.lookup('k'), null)
    t.equal((await store.stats()).entries, 0)
  })

  t.test('A new body takes the place of the old one, and whoever reads the old one gets it whole', async t => {
    const store = await open(t)
    const old = bytesOf(600_000, 1)
    await put(store, 'k', old)
    const [entry] = (await store.lookup('k')) ?? []
    t.ok(entry)
    if (entry === undefined) return
    const reading = await store.read(entry)
    t.match(await put(store, 'k', 'new'), { stored: true })
    t.equal(await textOf(store, 'k'), 'new')
    if (reading !== null) t.ok(await isOrBreaks(reading, old), 'the old bytes, or an error: never others')
    const again = await store.read(entry)
    if (again !== null) t.ok(await isOrBreaks(again, old), 'never the new body under the old head')
    t.equal((await store.stats()).entries, 1)
  })

  t.test(
    'Variants of a key stand beside each other, newest first, and the oldest goes when there are too many',
    async t => {
      const store = await open(t, { maxVariants: 3 })
      const start = Date.now()
      for (const [at, variant] of ['a', 'b', 'c', 'd'].entries())
        await put(store, 'k', `body ${variant}`, { variant, storedAtMs: start + at })
      const set = (await store.lookup('k')) ?? []
      t.same(
        set.map(entry => entry.variant),
        ['d', 'c', 'b'],
      )
      const bodies = await Promise.all(set.map(async entry => (await readAll(store, entry))?.toString()))
      t.same(bodies, ['body d', 'body c', 'body b'])
      await store.delete('k', 'c')
      t.same(
        (await store.lookup('k'))?.map(entry => entry.variant),
        ['d', 'b'],
      )
    },
  )

  t.test('A head is changed under its own body only', async t => {
    const store = await open(t)
    await put(store, 'k', 'one')
    const [old] = (await store.lookup('k')) ?? []
    t.ok(old)
    if (old === undefined) return
    const update = { head: { age: 0 }, storedAtMs: Date.now() + 1_000, expiresAtMs: Date.now() + 2 * HOUR_MS }
    t.equal(await store.updateHead(old, update), true)
    const [changed] = (await store.lookup('k')) ?? []
    t.same(changed?.head, { age: 0 })
    t.equal(changed?.storedAtMs, update.storedAtMs)
    t.equal(changed?.expiresAtMs, update.expiresAtMs)
    t.equal(await textOf(store, 'k'), 'one')
    await put(store, 'k', 'two')
    t.equal(await store.updateHead(old, update), false)
    t.same((await store.lookup('k'))?.[0]?.head, { key: 'k' })
    await store.delete('k')
    t.equal(await store.updateHead(old, update), false)
  })

  t.test('What is past its end is not found', async t => {
    let ahead = 0
    const store = await open(t, { now: () => Date.now() + ahead })
    await put(store, 'k', 'long', { variant: 'long', expiresAtMs: Date.now() + 3 * HOUR_MS })
    await put(store, 'k', 'short', { variant: 'short', expiresAtMs: Date.now() + HOUR_MS })
    t.equal((await store.lookup('k'))?.length, 2)
    ahead = 2 * HOUR_MS
    t.equal(await textOf(store, 'k'), 'long')
    ahead = 4 * HOUR_MS
    t.equal(await store.lookup('k'), null)
    t.same(await put(store, 'late', 'x', { expiresAtMs: Date.now() }), { stored: false, reason: 'expired' })
  })

  t.test('A purge takes what it names and nothing else', async t => {
    const store = await open(t)
    for (const { selector, left } of EVERY_SELECTOR) {
      await store.purge({ by: 'all' })
      const urls = ['http://a/1', 'http://a/10', 'http://b/1']
      for (const url of urls)
        await put(store, url, url, { route: `route of ${url}`, tags: [`tag of ${url}`, 'shared'] })
      const name = JSON.stringify(selector)
      t.same(await store.purge(selector), { removed: urls.length - left.length, complete: true }, name)
      const found = await Promise.all(urls.map(async url => ((await store.lookup(url)) === null ? [] : [url])))
      t.same(found.flat(), left, name)
      t.equal((await store.stats()).entries, left.length, name)
    }
  })

  t.test('A body that was begun before a purge that names it is not stored', async t => {
    const store = await open(t)
    for (const selector of [
      { by: 'all' },
      { by: 'url', value: 'k' },
      { by: 'prefix', value: 'k' },
      { by: 'route', value: 'notes' },
      { by: 'tag', value: 'x' },
      { by: 'key', value: 'k' },
      { by: 'key', value: 'k', variant: '' },
    ] as const) {
      const named = store.openWriter('k', '', { bodyLength: null })
      const unnamed = store.openWriter('other', '', { bodyLength: null })
      await named.write(Buffer.from('old'))
      await unnamed.write(Buffer.from('old'))
      await put(store, 'settled', 'so that every writer has been opened')
      await store.purge(selector)
      const meta = metaOf('k', { route: 'notes', tags: ['w', 'x'] })
      t.same(await named.commit(meta), { stored: false, reason: 'purged' }, selector.by)
      t.equal(await store.lookup('k'), null)
      t.match(await unnamed.commit(metaOf('other')), { stored: selector.by !== 'all' }, selector.by)
    }
    t.match(await put(store, 'k', 'new', { tags: ['x'] }), { stored: true })
  })

  t.test(
    'A body is stored although other keys and other variants of its key were deleted while it was written',
    async t => {
      const store = await open(t)
      for (let at = 0; at < 20; at++) await put(store, `other ${at}`, 'x')
      await put(store, 'k', 'plain')
      const writer = store.openWriter('k', 'gzip', { bodyLength: null })
      await writer.write(Buffer.from('compressed'))
      const deleting = Array.from({ length: 200 }, (_, at) => store.delete(`other ${at}`))
      for (const outcome of await Promise.all(deleting)) t.equal(outcome.complete, true)
      t.same(await store.delete('k', ''), { removed: 1, complete: true })
      t.match(await writer.commit(metaOf('k')), { stored: true })
      t.equal(await textOf(store, 'k'), 'compressed')
      t.equal((await store.stats()).entries, 1)
    },
  )

  t.test('What is beyond a bound is refused with its reason', async t => {
    const store = await open(t, { maxObjectBytes: 100_000 })
    const tags = Array.from({ length: 129 }, (_, at) => `t${at}`)
    const cases = [
      { reason: 'too_large', body: bytesOf(100_001), input: {} },
      { reason: 'too_large', body: Buffer.alloc(0), input: { bodyLength: 100_001 } },
      { reason: 'head_too_large', body: bytesOf(1), input: { head: { text: 'x'.repeat(65_536) } } },
      { reason: 'bad_tags', body: bytesOf(1), input: { tags } },
      { reason: 'bad_tags', body: bytesOf(1), input: { tags: ['x'.repeat(1025)] } },
      { reason: 'key_too_long', body: bytesOf(1), input: { url: 'x'.repeat(32_769) } },
    ]
    for (const { reason, body, input } of cases) t.same(await put(store, 'k', body, input), { stored: false, reason })
    t.match(await put(store, 'k', bytesOf(100_000)), { stored: true })
    const stats = await store.stats()
    t.equal(stats.refused.too_large, 2)
    t.equal(stats.stored, 1)
  })

  t.test('The store stays within its bytes, and what was used lately stays longest', async t => {
    const store = await open(t, { maxBytes: 1_000_000 * shards })
    for (let at = 0; at < 40 * shards; at++) {
      await put(store, `k${at}`, bytesOf(60_000, at + 1))
      if (at === 5) await readAll(store, (await store.lookup('k0'))?.[0] as never)
    }
    const stats = await store.stats()
    t.ok(stats.bytes <= 1_000_000 * shards, `${stats.bytes} bytes`)
    t.ok(stats.entries >= 10 * shards, `${stats.entries} entries`)
    t.equal(await store.lookup('k1'), null)
    const count = 40 * shards
    const [last] = (await store.lookup(`k${count - 1}`)) ?? []
    t.ok(last !== undefined && (await readAll(store, last))?.equals(bytesOf(60_000, count)))
    t.equal(stats.entries + stats.evicted, count)
  })

  t.test('A lock is held by one until it is released or its time is over', async t => {
    const store = await open(t)
    const first = await store.lock('k', 60_000)
    t.equal(first.acquired, true)
    t.equal((await store.lock('k', 60_000)).acquired, false)
    t.equal((await store.lock('other', 60_000)).acquired, true)
    first.release()
    await untilAcquired(store, 'k')
    first.release()
    t.equal((await store.lock('k', 60_000)).acquired, false, 'a late release does not take it from its holder')
  })

  t.test('Random interleavings end as they would in a Map', async t => {
    const store = await open(t)
    let carriedOut = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }), async steps => {
        await store.purge({ by: 'all' })
        const model: Model = new Map()
        const writers: OpenWriter[] = []
        for (const one of steps) await carryOut(store, model, writers, one)
        for (const { writer } of writers) writer.abort()
        carriedOut += steps.length
      }),
      { numRuns: 25, interruptAfterTimeLimit: 20_000 },
    )
    t.ok(carriedOut >= 100, `${carriedOut} steps`)
  })
}

async function untilAcquired(store: CacheStore, key: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) if ((await store.lock(key, 60_000)).acquired) return
  throw new Error('the lock was not released')
}

async function isOrBreaks(body: Buffer | Readable, expected: Buffer): Promise<boolean> {
  if (Buffer.isBuffer(body)) return body.equals(expected)
  const chunks: Buffer[] = []
  try {
    for await (const chunk of body) chunks.push(chunk as Buffer)
  } catch {
    return true
  }
  return Buffer.concat(chunks).equals(expected)
}

type Model = Map<string, { readonly body: Buffer; readonly tag: string; readonly key: string }>

interface OpenWriter {
  readonly writer: ReturnType<CacheStore['openWriter']>
  readonly key: string
  readonly variant: string
  readonly parts: Buffer[]
  readonly tag: string
  purged: boolean
}

const keyName = fc.constantFrom('k1', 'k2', 'k3')
const variantName = fc.constantFrom('', 'gzip')
const tagName = fc.constantFrom('red', 'blue')
const step = fc.oneof(
  fc.record({ act: fc.constant('open' as const), key: keyName, variant: variantName, tag: tagName }),
  fc.record({ act: fc.constant('write' as const), at: fc.nat(9), length: fc.constantFrom(1, 1_000, 70_000, 300_000) }),
  fc.record({ act: fc.constant('commit' as const), at: fc.nat(9) }),
  fc.record({ act: fc.constant('abort' as const), at: fc.nat(9) }),
  fc.record({ act: fc.constant('delete' as const), key: keyName }),
  fc.record({ act: fc.constant('purge' as const), tag: tagName }),
  fc.record({ act: fc.constant('read' as const), key: keyName }),
)
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

async function carryOut(store: CacheStore, model: Model, writers: OpenWriter[], one: Step): Promise<void> {
  if (one.act === 'open') return openOne(store, writers, one)
  if (one.act === 'delete') return forget(model, writers, store.delete(one.key), entry => entry.key === one.key)
  if (one.act === 'purge') {
    const outcome = store.purge({ by: 'tag', value: one.tag })
    return forget(model, writers, outcome, entry => entry.tag === one.tag)
  }
  if (one.act === 'read') return compare(store, model, one.key)
  const chosen = writers[one.at % Math.max(writers.length, 1)]
  if (chosen === undefined) return
  if (one.act === 'write') {
    const part = bytesOf(one.length, chosen.parts.length + one.length)
    chosen.parts.push(part)
    await chosen.writer.write(part)
    return
  }
  writers.splice(writers.indexOf(chosen), 1)
  if (one.act === 'abort') chosen.writer.abort()
  else await commitOne(model, chosen)
}

async function openOne(
  store: CacheStore,
  writers: OpenWriter[],
  { key, variant, tag }: { key: string; variant: string; tag: string },
): Promise<void> {
  const writer = store.openWriter(key, variant, { bodyLength: null })
  writers.push({ writer, key, variant, parts: [], tag, purged: false })
  // A round trip, so that a store that asks for the number of the newest purge has it.
  await store.stats()
}

async function commitOne(model: Model, { writer, key, variant, parts, tag, purged }: OpenWriter): Promise<void> {
  const outcome = await writer.commit(metaOf(key, { tags: [tag] }))
  if (outcome.stored === purged) throw new Error(`stored ${outcome.stored} after a purge ${purged}`)
  if (outcome.stored) model.set(`${key}\n${variant}`, { body: Buffer.concat(parts), tag, key })
}

async function forget(
  model: Model,
  writers: OpenWriter[],
  outcome: ReturnType<CacheStore['purge']>,
  isNamed: (entry: { key: string; tag: string }) => boolean,
): Promise<void> {
  const named = [...model].filter(([, entry]) => isNamed(entry))
  for (const [name] of named) model.delete(name)
  for (const writer of writers) if (isNamed(writer)) writer.purged = true
  const { removed } = await outcome
  if (removed !== named.length) throw new Error(`removed ${removed}, not ${named.length}`)
}

async function compare(store: CacheStore, model: Model, key: string): Promise<void> {
  const set = (await store.lookup(key)) ?? []
  const expected = [...model].filter(([, entry]) => entry.key === key)
  if (set.length !== expected.length) throw new Error(`${set.length} variants, not ${expected.length}`)
  for (const entry of set) {
    const body = await readAll(store, entry)
    const wanted = model.get(`${key}\n${entry.variant}`)?.body
    if (body === null || wanted === undefined || !body.equals(wanted)) throw new Error('another body')
  }
}
