import t from 'tap'
import { MAX_SERIES, Signals } from '../../../plugins/contract/index.ts'

t.test('a signal keeps one child for each set of label values', async t => {
  const signals = new Signals()
  const requests = signals.counter('requests_total', 'Requests.', 'route')
  requests.with('wiki').add(1)
  requests.with('wiki').add(2)
  requests.with('photos').add(1)
  t.strictSame(
    [...requests.series()].map(({ labels, point }) => [labels, point.value]),
    [
      [['wiki'], 3],
      [['photos'], 1],
    ],
  )
})

t.test('the number of children is bounded, the rest is counted under "other"', async t => {
  const signal = new Signals().counter('c', 'C.', 'a')
  for (let i = 0; i < MAX_SERIES + 10; i++) signal.with(`v${i}`).add(1)
  t.equal([...signal.series()].length, MAX_SERIES + 1)
  t.equal(signal.with('other').value, 10)
})

t.test('an observation falls into the first bucket whose bound it does not exceed', async t => {
  const seconds = new Signals().histogram('took_seconds', 'Took.').with()
  for (const value of [0, 0.0005, 0.0006, 60, 61]) seconds.observe(value)
  const filled = seconds.buckets.flatMap((count, i) => (count === 0 ? [] : [[seconds.bounds[i] ?? Infinity, count]]))
  t.strictSame(filled, [
    [0.0005, 2],
    [0.001, 1],
    [60, 1],
    [Infinity, 1],
  ])
  t.equal(seconds.count, 5)
  t.equal(seconds.max, 61)
})
