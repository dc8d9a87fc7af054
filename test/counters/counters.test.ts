/**
 * What the gateway counts is what its clients and its origin count for themselves: the small form of `npm run test:counters`.
 */
import t from 'tap'
import { compareCounters } from './compare.ts'

const REQUESTS = 3_060

t.test(`counters equal the clients' and the origin's own over ${REQUESTS} mixed requests`, async t => {
  const all = await compareCounters(t, REQUESTS)
  for (const { what, counted, told } of all) t.strictSame(told, counted, what)
  for (const what of ['cut: answers that broke off', 'leave: clients that left', 'silent: clients that left']) {
    t.ok(
      all.some(each => each.what === what && Number(each.counted) > 0),
      `${what}: there were some`,
    )
  }
})
