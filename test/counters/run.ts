/**
 * `npm run test:counters [-- --requests 100000]`: what the gateway counts beside what its clients and its origin count for
 * themselves, of requests that go well, fail, break off or are left. Ends with 1 where a number differs.
 */
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { compareCounters } from './compare.ts'

const { values } = parseArgs({ options: { requests: { type: 'string', default: '100000' } } })
const teardowns: (() => unknown)[] = []
const t = { teardown: (fn: () => unknown) => void teardowns.unshift(fn) }
try {
  const all = await compareCounters(t, Number(values.requests))
  const wrong = all.filter(({ counted, told }) => !isDeepStrictEqual(counted, told))
  for (const { what, counted, told } of wrong) {
    console.log(`${what}: counted ${JSON.stringify(counted)}, told ${JSON.stringify(told)}`)
  }
  console.log(`${values.requests} requests, ${all.length} numbers compared, ${wrong.length} differ`)
  process.exitCode = wrong.length === 0 ? 0 : 1
} finally {
  for (const end of teardowns) await end()
}
