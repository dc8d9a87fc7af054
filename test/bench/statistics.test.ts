import t from 'tap'
import { cleanerHalf, meanOfTwoLowest, median, referenceRow, type Sample, summarise } from '../../bench/statistics.ts'

function sample(change: Partial<Sample>): Sample {
  return {
    cpuSeconds: 1,
    requests: 1000,
    seconds: 2,
    bytes: 1_200_000,
    p50Ms: 1,
    p99Ms: 5,
    residentBytes: 50e6,
    foreignCores: 0,
    upstreamRequests: 1000,
    socketErrors: 0,
    badStatuses: 0,
    storedShare: null,
    ...change,
  }
}

t.test('the median is the middle value or the mean of the two middle ones', async t => {
  t.equal(median([10, 2, 1]), 2)
  t.equal(median([10, 1, 2, 4]), 3)
  t.equal(median([7]), 7)
  t.ok(Number.isNaN(median([])))
})

t.test('the mean of the two lowest does not see the others', async t => {
  t.equal(meanOfTwoLowest([9, 3, 100, 1]), 2)
  t.equal(meanOfTwoLowest([4]), 4)
})

t.test('the cleaner half is that with the least foreign load, the larger one of an odd number', async t => {
  const samples = [0.9, 0.1, 0.5].map(foreignCores => sample({ foreignCores }))
  t.strictSame(
    cleanerHalf(samples).map(({ foreignCores }) => foreignCores),
    [0.1, 0.5],
  )
})

t.test('a row takes CPU from the lowest samples, its median from the cleaner half, and sums errors', async t => {
  const row = summarise('x', [
    sample({ cpuSeconds: 1, foreignCores: 0.1, residentBytes: 40e6 }),
    sample({ cpuSeconds: 2, foreignCores: 0.0, socketErrors: 2 }),
    sample({ cpuSeconds: 1.5, foreignCores: 0.9, upstreamRequests: 0 }),
    sample({ cpuSeconds: 9, foreignCores: 1.9, badStatuses: 3, p99Ms: 900 }),
  ])
  t.equal(row.cpuMs, 1.25)
  t.equal(row.medianCpuMs, 1.5)
  t.equal(row.rps, 500)
  t.equal(row.p99Ms, 5)
  t.equal(row.residentBytes, 50e6)
  t.equal(row.upstreamShare, 0.75)
  t.equal(row.bytesPerRequest, 1200)
  t.equal(row.errors, 5)
})

t.test('the stored share of a row is that of its worst round, and none where nothing is stored', async t => {
  const shares = (list: (number | null)[]) =>
    summarise(
      'x',
      list.map(storedShare => sample({ storedShare })),
    ).storedShare
  t.equal(shares([1, 0.4, 0.99]), 0.4)
  t.ok(Number.isNaN(shares([1, Number.NaN])))
  t.equal(shares([null, null]), null)
})

t.test('a round without an answer is an error, not a figure', async t => {
  const row = summarise('x', [sample({}), sample({ requests: 0, cpuSeconds: 0, socketErrors: 50 })])
  t.equal(row.cpuMs, 1)
  t.equal(row.errors, 50)
})

t.test('ratios are taken to nginx, else to the first row', async t => {
  const rows = ['caddy', 'nginx'].map(name => summarise(name, [sample({})]))
  t.equal(referenceRow(rows)?.contender, 'nginx')
  t.equal(referenceRow(rows.slice(0, 1))?.contender, 'caddy')
  t.equal(referenceRow([]), undefined)
})
