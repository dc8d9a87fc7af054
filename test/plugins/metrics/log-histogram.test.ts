import fc from 'fast-check'
import t from 'tap'
import { LogHistogram } from '../../../plugins/metrics/window/log-histogram.ts'

/** Half a bucket: eight buckets for each doubling. */
const RATIO = 2 ** (1 / 16) + 1e-9

t.test('an empty one knows nothing', async t => {
  const histogram = new LogHistogram(0.01)
  t.equal(histogram.percentile(0.5), null)
  t.equal(histogram.mean, null)
})

t.test('a percentile is within half a bucket of the exact one, whatever the values', async t => {
  const values = fc.array(fc.double({ min: 0.01, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 300 })
  fc.assert(
    fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (list, share) => {
      const histogram = new LogHistogram(0.01)
      for (const value of list) histogram.record(value)
      const sorted = list.toSorted((a, b) => a - b)
      const exact = sorted[Math.max(1, Math.ceil(share * list.length)) - 1] ?? 0
      const told = histogram.percentile(share) ?? 0
      return told <= exact * RATIO && told >= exact / RATIO
    }),
  )
  t.pass('for 100 random lists')
})

t.test('sums of two are as if all had been recorded into one, and nothing is left after a reset', async t => {
  const [one, two, both] = [new LogHistogram(0.01), new LogHistogram(0.01), new LogHistogram(0.01)]
  for (let i = 1; i <= 100; i++) {
    ;(i % 3 === 0 ? one : two).record(i)
    both.record(i)
  }
  one.add(two)
  for (const share of [0, 0.25, 0.5, 0.95, 1]) t.equal(one.percentile(share), both.percentile(share), String(share))
  t.equal(one.mean, 50.5)
  one.reset()
  t.equal(one.percentile(1), null)
})

t.test('what is beyond both ends is kept at the ends', async t => {
  const histogram = new LogHistogram(0.01)
  histogram.record(0)
  t.ok((histogram.percentile(1) ?? 1) <= 0.01)
  histogram.record(1e12)
  t.ok((histogram.percentile(1) ?? 0) > 1e6)
})
