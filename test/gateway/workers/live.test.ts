/** The live numbers of several workers are one stream: nothing is counted twice, nothing is left out. */
import t, { type Test } from 'tap'
import { sinceLast, sumHistories, sumSamples } from '../../../gateway/workers/live-sum.ts'
import { type LiveSample, MAX_LISTENERS } from '../../../plugins/metrics/index.ts'
import { eventually } from '../support.ts'
import { bodies, isAlive, pidsOf, statsOf, twoWorkers } from './rig.ts'

const REQUESTS = 10

const sampleOf = (more: Partial<LiveSample>): LiveSample => ({
  ...{ atMs: 0, requests: 0, errors: 0, clientErrors: 0, inFlight: 0, p50Ms: null, p95Ms: null, bytesIn: 0 },
  ...{ bytesOut: 0, hits: 0, misses: 0, bytesSaved: 0, bytesAvoided: 0, loopDelayMs: 0 },
  ...more,
})

t.test('counts are added, delays take the worst, what nobody measured stays unknown', async t => {
  const one = sampleOf({ atMs: 1_000, requests: 3, inFlight: 1, p95Ms: 20, loopDelayMs: 2, bytesOut: 7 })
  const other = sampleOf({ atMs: 1_400, requests: 4, inFlight: 2, loopDelayMs: 1 })
  t.match(sumSamples([one, other]), {
    ...{ atMs: 1_400, requests: 7, inFlight: 3, p50Ms: null, p95Ms: 20, loopDelayMs: 2, bytesOut: 7 },
  })
})

t.test('a process that told twice, or not yet, is counted as often as it told', async t => {
  const [first, last] = [sampleOf({ requests: 3, inFlight: 5 }), sampleOf({ requests: 2, inFlight: 4 })]
  t.match(sinceLast([first, last], last), { requests: 5, inFlight: 4 })
  t.match(sinceLast([], last), { requests: 0, inFlight: 4, p95Ms: null })
})

t.test('histories are put together second by second, the last of them', async t => {
  const at = (atMs: number, requests: number) => sampleOf({ atMs, requests })
  const history = sumHistories([[at(1_100, 1), at(2_100, 2)], [at(2_900, 10), at(3_900, 20)], []], 2)
  t.strictSame(
    history.map(({ requests }) => requests),
    [12, 20],
  )
  t.strictSame(sumHistories([], 2), [])
})

interface Page {
  readonly history: LiveSample[] | null
  readonly samples: LiveSample[]
}

function openPage(t: Test, admin: string): Page {
  const page = { history: null as LiveSample[] | null, samples: [] as LiveSample[] }
  const stop = new AbortController()
  t.teardown(() => stop.abort())
  const listen = async (): Promise<void> => {
    const { body } = await fetch(`${admin}/api/events`, { signal: stop.signal })
    let text = ''
    for await (const chunk of body ?? []) {
      const events = (text + Buffer.from(chunk).toString()).split('\n\n')
      text = events.pop() ?? ''
      for (const event of events) {
        const told = JSON.parse(event.slice(event.indexOf('data: ') + 6))
        if (event.startsWith('event: history')) page.history = told
        else page.samples.push(told)
      }
    }
  }
  listen().catch(() => {})
  return page
}

const requestsIn = (samples: readonly LiveSample[]): number => samples.reduce((sum, one) => sum + one.requests, 0)

t.test('a page of the dashboard sees the requests of all workers, also of one that came later', async t => {
  const { gateway } = await twoWorkers(t)
  const page = openPage(t, gateway.admin)
  await eventually(() => page.samples.length > 0)
  await bodies(gateway.port, REQUESTS)
  await eventually(() => requestsIn(page.samples) >= REQUESTS)
  const told = page.samples.length
  await eventually(() => page.samples.length >= told + 2)
  t.equal(requestsIn(page.samples), REQUESTS, 'and none of them twice')

  const later = openPage(t, gateway.admin)
  await eventually(() => later.history !== null)
  t.equal(requestsIn(later.history ?? []), REQUESTS, 'also in what was before a page was opened')

  const [pid] = pidsOf(await statsOf(gateway))
  process.kill(pid as number, 'SIGKILL')
  await eventually(async () => !isAlive(pid as number) && pidsOf(await statsOf(gateway)).length === 2)
  const before = page.samples.length
  await eventually(() => page.samples.length >= before + 2)
  const counted = requestsIn(page.samples)
  await bodies(gateway.port, REQUESTS)
  await eventually(() => requestsIn(page.samples) === counted + REQUESTS)
})

t.test('so many pages and no more', async t => {
  const { gateway } = await twoWorkers(t)
  const stop = new AbortController()
  t.teardown(() => stop.abort())
  const open = () => fetch(`${gateway.admin}/api/events`, { signal: stop.signal })
  const pages = await Promise.all(Array.from({ length: MAX_LISTENERS }, open))
  t.ok(pages.every(({ status }) => status === 200))
  t.equal((await open()).status, 503)
})
