import fc from 'fast-check'
import t from 'tap'
import { UNUSED_AFTER_MS, WarmDemand } from '../../../plugins/upstream/warm-demand.ts'

const MINUTE = 60_000
/** Samples of a pool without work. */
const silence = [2, 4, 6, 8, 10, 12, 14, 16, 18].flatMap(
  i =>
    [
      [i * MINUTE, 0],
      [(i + 1) * MINUTE, 0],
    ] as [number, number][],
)

t.test('what is kept warm is the most that ran at once in the last minutes of use', async t => {
  const cases: [string, [atMs: number, inFlight: number][], number, number][] = [
    ['never used', [[0, 0]], 1, 0],
    [
      'one burst',
      [
        [0, 1],
        [250, 7],
        [500, 2],
      ],
      500,
      7,
    ],
    [
      'the burst of a minute ago',
      [
        [0, 7],
        [MINUTE, 1],
      ],
      MINUTE,
      7,
    ],
    [
      'idle samples do not end the use at once',
      [
        [0, 3],
        [250, 0],
      ],
      20_000,
      3,
    ],
    ['unused for half a minute', [[0, 7]], UNUSED_AFTER_MS + 1, 0],
    ['exactly half a minute', [[0, 7]], UNUSED_AFTER_MS, 7],
    [
      'a burst five minutes ago is forgotten',
      [[0, 7], ...[1, 2, 3, 4, 5].map(i => [i * MINUTE, 1] as [number, number])],
      5 * MINUTE,
      1,
    ],
    [
      'a burst four minutes ago is not',
      [[0, 7], ...[1, 2, 3, 4].map(i => [i * MINUTE, 1] as [number, number])],
      4 * MINUTE,
      7,
    ],
    ['a burst before a long silence is forgotten', [[MINUTE, 50], ...silence, [20 * MINUTE, 1]], 20 * MINUTE, 1],
  ]
  for (const [name, samples, atMs, wanted] of cases) {
    const demand = new WarmDemand()
    for (const [sampledMs, inFlight] of samples) demand.note(sampledMs, inFlight)
    t.equal(demand.wanted(atMs), wanted, name)
  }
})

t.test('it is never more than was seen in the last five minutes, never less than the last minute had', async () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 250, max: 40_000 }), fc.nat(30)), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(steps, given => {
      const demand = new WarmDemand()
      const seen: { atMs: number; inFlight: number }[] = []
      let atMs = 0
      for (const [step, inFlight] of given) {
        atMs += step
        // The plugin samples four times a second, also when nothing runs.
        for (let idle = atMs - step + 250; idle < atMs; idle += 250) demand.note(idle, 0)
        demand.note(atMs, inFlight)
        seen.push({ atMs, inFlight })
      }
      const most = (spanMs: number) =>
        Math.max(0, ...seen.filter(one => atMs - one.atMs < spanMs).map(one => one.inFlight))
      const wanted = demand.wanted(atMs)
      return wanted <= most(5 * MINUTE) && (wanted >= most(MINUTE) || most(UNUSED_AFTER_MS) === 0)
    }),
  )
})
