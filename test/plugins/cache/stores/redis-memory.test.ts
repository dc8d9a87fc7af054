/** What a gateway remembers for a Redis that is away or comes back with less: bounded, and never too little. */
import t from 'tap'
import { MAX_PURGE_LOG } from '../../../../plugins/cache/stores/bounds.ts'
import { PURGE_MEMORY_MS, RecentPurges } from '../../../../plugins/cache/stores/redis/recent-purges.ts'
import { MAX_UNTOLD, UntoldNews } from '../../../../plugins/cache/stores/redis/untold-news.ts'
import type { Invalidation } from '../../../../plugins/cache/stores/tiered/bus.ts'

const url = (number: number) => ({ by: 'url', value: `http://a/${number}` }) as const
const texts = (untold: UntoldNews): string[] => untold.take().flatMap(batch => [...batch.keys()])

t.test('purges are remembered for an hour from the last time', async t => {
  const recent = new RecentPurges()
  recent.remember(url(1), 0)
  recent.remember(url(2), 10)
  recent.remember(url(1), 20)
  t.strictSame(recent.list(20), [url(2), url(1)])
  t.strictSame(recent.list(PURGE_MEMORY_MS + 10), [url(1)])
  t.strictSame(recent.list(PURGE_MEMORY_MS + 20), [])
})

t.test('more purges than are remembered are one of everything', async t => {
  const recent = new RecentPurges()
  for (let number = 0; number < MAX_PURGE_LOG; number++) recent.remember(url(number), 0)
  t.equal(recent.list(0).length, MAX_PURGE_LOG)
  recent.remember(url(MAX_PURGE_LOG), 0)
  t.strictSame(recent.list(0), [{ by: 'all' }])
})

t.test('the same news wait once, those that were not sent wait again, messages are short', async t => {
  const untold = new UntoldNews()
  const news: Invalidation = { what: 'purged', selector: url(1) }
  for (let again = 0; again < 3; again++) untold.add(news)
  const [batch] = untold.take()
  t.equal(untold.size, 0)
  if (batch !== undefined) untold.putBack(batch)
  t.strictSame(texts(untold), [JSON.stringify(news)])
  for (let number = 0; number < 1_000; number++) untold.add({ what: 'purged', selector: url(number) })
  const batches = untold.take()
  t.ok(batches.length > 1)
  t.equal(
    batches.reduce((sum, { size }) => sum + size, 0),
    1_000,
  )
  for (const one of batches) t.ok([...one.keys()].join().length <= 33_000)
})

t.test('too many news of a kind become one, and cost the other kind nothing', async t => {
  const untold = new UntoldNews()
  const purged: Invalidation = { what: 'purged', selector: url(0) }
  untold.add(purged)
  for (let number = 0; number <= MAX_UNTOLD; number++) untold.add({ what: 'changed', selector: url(number) })
  t.strictSame(texts(untold), [JSON.stringify(purged), '{"what":"changed","selector":{"by":"all"}}'])
})
