/**
 * `npm run fuzz`: grammars of HTTP against the running gateway, each until its share of the time is over. Prints the seed;
 * ends with 1 and the smallest counterexample when an invariant does not hold.
 *
 *     node test/fuzz/run.ts [--minutes 10] [--seed N] [--only requests|answers|h2|clients]...
 */
import { parseArgs } from 'node:util'
import { campaigns, isCampaign } from './campaigns.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    only: { type: 'string', multiple: true },
  },
})
const chosen = (values.only ?? Object.keys(campaigns)).filter(isCampaign)
const minutes = Number(values.minutes)
if (!(minutes > 0) || chosen.length === 0) throw new Error('write --minutes 10 --only requests')

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

/** Cases of one campaign at most: the clock ends it before. */
const MOST_RUNS = 10_000_000
const seed = Number(values.seed)
const bounds = { seed, runs: MOST_RUNS, ms: (minutes * 60_000) / chosen.length }
let hasFailed = false
console.log(`seed ${seed}`)
for (const name of chosen) {
  const teardowns: (() => unknown)[] = []
  try {
    const tally = await campaigns[name]({ teardown: fn => void teardowns.unshift(fn) }, bounds)
    console.log(`${name}: ${JSON.stringify(tally)}`)
  } catch (error) {
    hasFailed = true
    console.log(`${name}: FAILED`, error)
  }
  for (const end of teardowns) await end()
}
process.exit(hasFailed ? 1 : 0)
