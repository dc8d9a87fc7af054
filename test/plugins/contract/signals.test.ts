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
