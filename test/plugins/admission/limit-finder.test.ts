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

/** 16 places of an origin that works on four at once, each for 50 ms, for `ms`; seen alone `seenAlone` times. */
function crowdAt(finder: LimitFinder, { ms = 400, seenAlone = 2 } = {}): number {
  finder.noteWaiting(true, 0)
  for (let now = 50; now <= ms; now += 50) {
    for (let n = 0; n < 4; n++) finder.noteAnswer(50, Math.min(200, now), now, seenAlone)
  }
  finder.noteWaiting(false, ms)
  return finder.limit
}

t.test('a crowd is seen before a window is over', async t => {
  t.equal(crowdAt(new LimitFinder(null, 100)), 5)
  t.equal(crowdAt(new LimitFinder(null, 100), { ms: 100 }), 16, 'too early')
  t.equal(crowdAt(new LimitFinder(null, 100), { seenAlone: 1 }), 16, 'once alone may have been a lucky one')
})

t.test('only the first crowd, and only where nobody has said how many', async t => {
  t.equal(crowdAt(new LimitFinder(16, 100)), 16, 'configured')
  const again = new LimitFinder(null, 100)
  crowdAt(again)
  t.equal(again.foundAtFirst, 5)
  again.steer(16)
  t.equal(again.foundAtFirst, 0)
  t.equal(crowdAt(again), 16, 'somebody has put it back')
})

t.test('a tuner that begins with what stands already has said nothing; who says it again means it', async t => {
  const begun = new LimitFinder(null, 100)
  begun.steer(16)
  t.equal(crowdAt(begun), 5)
  const meant = new LimitFinder(null, 100)
  meant.steer(16)
  meant.steer(16)
  t.equal(crowdAt(meant), 16)
})
