/** Purges by address, beginning, route, tag and all, also of what is being fetched at that moment. */
import t from 'tap'
import type { PurgeSelector } from '../../../plugins/cache/index.ts'
import { type Fields, fresh, rig, statusOf } from './rig.ts'

const url = (target: string) => `http://app.test${target}`

t.test('each selector removes what it names and nothing else', async t => {
  const cases: [PurgeSelector, string[]][] = [
    [{ by: 'url', value: url('/a/1') }, ['/a/2', '/b']],
    [{ by: 'prefix', value: url('/a/') }, ['/b']],
    [{ by: 'tag', value: 'red' }, ['/a/2']],
    [{ by: 'route', value: '/' }, []],
    [{ by: 'route', value: 'other' }, ['/a/1', '/a/2', '/b']],
    [{ by: 'all' }, []],
  ]
  for (const [selector, left] of cases) {
    const app = await rig(t)
    for (const target of ['/a/1', '/a/2', '/b']) {
      await app.store(fresh({ 'Surrogate-Key': target === '/a/2' ? 'blue' : 'red green' }), target, target)
    }
    await app.whenStored(3)
    const outcome = await app.app.cache.purge(selector)
    t.same(outcome, { removed: 3 - left.length, complete: true }, JSON.stringify(selector))
    for (const target of left)
      t.match(statusOf(await app.get(target)), /; hit/, `${JSON.stringify(selector)} ${target}`)
    t.equal(await app.entries(), left.length)
  }
})

const selectors: PurgeSelector[] = [
  { by: 'url', value: url('/x') },
  { by: 'prefix', value: url('/') },
  { by: 'route', value: '/' },
  { by: 'tag', value: 'red' },
  { by: 'all' },
]

t.test('what is being fetched when it is purged is not stored, however it is fetched', async t => {
  const ways: { name: string; coalesce: boolean; asking: Fields; status: number; fields: Fields }[] = [
    { name: 'shared', coalesce: true, asking: {}, status: 200, fields: fresh() },
    { name: 'alone', coalesce: false, asking: {}, status: 200, fields: fresh() },
    { name: 'with a condition', coalesce: true, asking: { 'If-None-Match': '"old"' }, status: 200, fields: fresh() },
    {
      name: 'with credentials',
      coalesce: true,
      asking: { Authorization: 'Bearer x' },
      status: 200,
      fields: fresh({ 'Cache-Control': 'public, max-age=600' }),
    },
    {
      name: 'a part',
      coalesce: true,
      asking: { Range: 'bytes=0-3' },
      status: 206,
      fields: fresh({ 'Content-Range': 'bytes 0-3/10' }),
    },
  ]
  for (const { name, coalesce, asking, status, fields } of ways) {
    for (const selector of selectors) {
      for (const moment of ['before the head', 'in the body']) {
        const app = await rig(t, { cache: { coalesce } })
        const client = app.open('/x', asking)
        const ask = await app.next()
        const head = { ...fields, 'Surrogate-Key': 'red', 'Content-Length': 4 }
        if (moment === 'in the body') {
          ask.begin(status, head).bytes('12')
          await client.until(text => text.endsWith('12'))
        }
        await app.app.cache.purge(selector)
        if (moment === 'in the body') ask.bytes('34')
        else ask.begin(status, head).bytes('1234')
        t.equal((await client.answer()).body.toString(), '1234', 'who waits gets it all the same')
        await app.whenQuiet()
        t.equal(await app.entries(), 0, `${name}, ${selector.by}, ${moment}`)
        client.close()
      }
    }
  }
})

t.test('a purge while a stored answer is asked about is not undone by a 304', async t => {
  const app = await rig(t)
  await app.store({ 'Cache-Control': 'max-age=60', Age: 61, ETag: '"v1"' })
  const client = app.open()
  const ask = await app.next()
  await app.app.cache.purge({ by: 'all' })
  ask.answer(304, fresh())
  t.equal((await client.answer()).body.toString(), 'stored')
  t.equal(await app.entries(), 0)
  client.close()
})

t.test('who asks after the purge is not given what began before it', async t => {
  const app = await rig(t)
  const before = app.open()
  const first = await app.next()
  await app.app.cache.purge({ by: 'all' })
  const after = app.open()
  const second = await app.next()
  second.answer(200, fresh(), 'new')
  t.equal((await after.answer()).body.toString(), 'new')
  first.answer(200, fresh(), 'old')
  t.equal((await before.answer()).body.toString(), 'old')
  const hit = await app.get()
  t.equal(hit.body.toString(), 'new')
  t.match(statusOf(hit), /; hit/)
})

t.test('a part is not joined with what was purged while it came', async t => {
  const app = await rig(t)
  const part = (first: number, last: number) => fresh({ 'Content-Range': `bytes ${first}-${last}/10` })
  const one = app.get('/x', { Range: 'bytes=0-4' })
  ;(await app.next()).answer(206, part(0, 4), 'OLD01')
  await one
  await app.whenStored()
  const two = app.get('/x', { Range: 'bytes=5-9' })
  const ask = await app.next()
  await app.app.cache.purge({ by: 'all' })
  ask.answer(206, part(5, 9), '56789')
  await two
  const whole = app.get('/x', { Range: 'bytes=0-4' })
  const asked = await app.next(500).catch(() => null)
  t.not(asked, null, 'the purged bytes are gone')
  asked?.answer(206, part(0, 4), 'NEW01')
  t.equal((await whole).body.toString(), 'NEW01')
})

t.test('an address is purged whatever parameters it was asked for with that mean nothing', async t => {
  const settings = {
    heuristicFreshness: null,
    maxObjectBytes: 1024,
    maxVariants: 16,
    staleIfErrorMs: 0,
    staleWhileRevalidateMs: null,
    storeCookieVary: false,
    storePost: false,
    storePartial: true,
    honourRequestDirectives: true,
    key: { ignoreQuery: ['utm_*'] },
  }
  const settingsFor = () => ({ route: 'wiki', identity: '', settings, etag: true, coalesce: true, startPages: [] })
  const app = await rig(t, { cache: { settingsFor } })
  await app.store(fresh(), 'x', '/x?a=1&utm_source=mail')
  t.match(statusOf(await app.get('/x?a=1')), /; hit/)
  t.equal((await app.app.cache.purge({ by: 'url', value: url('/x?a=1') })).removed, 1)
})
