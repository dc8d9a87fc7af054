/** After a storm of requests whose clients leave at any moment, nothing is counted that is not there. */
import http from 'node:http'
import fc from 'fast-check'
import t from 'tap'
import { until } from './rig.ts'
import { startStorm } from './storm.ts'

t.test('2,000 requests, half of which are given up at random moments: no place is lost', async t => {
  const storm = await startStorm(t, { defaults: { maxConcurrency: 8, queue: 100, queueTimeoutMs: 200 } })
  const agent = new http.Agent({ keepAlive: true, maxSockets: 100 })
  t.teardown(() => agent.destroy())
  const seeds = fc.sample(fc.record({ leavesAfterMs: fc.nat(30), leaves: fc.boolean(), fails: fc.nat(9) }), {
    numRuns: 2000,
    seed: 20_251_125,
  })
  const ends = await Promise.all(seeds.map((each, n) => storm.request(agent, n, each)))
  await until(() => storm.lane().inFlight === 0 && storm.lane().waiting === 0)
  t.match(storm.lane(), { inFlight: 0, waiting: 0, held: 0 })
  const counts = Map.groupBy(ends, end => end)
  t.ok((counts.get('200')?.length ?? 0) > 0, 'some were answered')
  t.ok((counts.get('left')?.length ?? 0) > 0, 'some have left')
  t.ok(storm.mostAtOrigin() <= 8, `${storm.mostAtOrigin()} at the origin at once`)
  t.equal(await storm.request(agent, 1, { leavesAfterMs: 0, leaves: false, fails: 9 }), '200')
})
