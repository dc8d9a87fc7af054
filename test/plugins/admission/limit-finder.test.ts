import t from 'tap'
import { LimitFinder } from '../../../plugins/admission/limit-finder.ts'

/** Saturated windows of an origin that answers within `ms`, and alone within `aloneMs`; the limits that follow. */
function limitsOf(aloneMs: number, ms: number): number[] {
  const finder = new LimitFinder(null, 100)
  const limits: number[] = []
  const startMs = performance.now()
  finder.noteWaiting(true, startMs)
  for (let window = 1; window <= 10; window++) {
    const nowMs = startMs + window * 1_000
    for (let n = 0; n < 200; n++) {
      finder.noteSent(true)
      finder.noteAnswer(aloneMs, ms, nowMs)
    }
    finder.step([], true, nowMs)
    limits.push(finder.limit)
  }
  return limits
}

t.test(
  'what an origin that answers at once needs under load is the turn of the gateway: no reason to hold back',
  async t => {
    t.ok((limitsOf(0.3, 4).at(-1) ?? 0) > 16)
  },
)

t.test('the same ratio of an origin whose answers people wait for is one', async t => {
  t.ok((limitsOf(30, 400).at(-1) ?? 100) < 16)
})
