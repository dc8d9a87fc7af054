import t from 'tap'
import {
  type AutoLimitState,
  type LoadWindow,
  startAutoLimit,
  stepAutoLimit,
} from '../../../../plugins/admission/rules/auto-limit.ts'

const bounds = { min: 2, max: 100 }
const start = startAutoLimit(bounds)
const later: AutoLimitState = { ...start, isStarting: false }

/** A saturated second of an origin that answers `perSecond` requests and needs `unloaded` ms for one alone. */
const second = (perSecond: number, unloaded: number, rest: Partial<LoadWindow> = {}): LoadWindow => ({
  nowMs: 100_000,
  elapsedMs: 1000,
  answers: perSecond,
  unloadedMs: perSecond * unloaded,
  ratio: 3,
  waitedShare: 1,
  filledShare: 1,
  isFull: true,
  lastAnswerMs: 100_000,
  ...rest,
})

/** Steps until nothing changes, of an origin with so many workers. */
function settle(workers: number, unloaded: number, state: AutoLimitState = start): number[] {
  const limits: number[] = []
  let now = 100_000
  for (let i = 0; i < 40; i++) {
    const { limit } = state
    const perSecond = (Math.min(limit, workers) / unloaded) * 1000
    now += 1000
    const ratio = Math.max(1, limit / workers)
    state = stepAutoLimit(state, second(perSecond, unloaded, { ratio, nowMs: now, lastAnswerMs: now }), bounds).state
    if (state.limit === limits.at(-1)) return limits
    limits.push(state.limit)
  }
  return limits
}

t.test('it starts with a number that suits most', async t => {
  t.equal(start.limit, 16)
  t.equal(startAutoLimit({ min: 2, max: 5 }).limit, 5)
})

t.test('it settles a little above what the origin works on at once', async t => {
  for (const [workers, limit] of [
    [1, 2],
    [2, 3],
    [4, 5],
    [8, 10],
    [16, 19],
    [64, 71],
    [500, 100],
  ] as const) {
    t.equal(settle(workers, 50).at(-1), limit, `${workers} workers`)
  }
})

t.test('it comes down within five steps', async t => {
  t.ok(settle(1, 40).length <= 5)
})

t.test('what it says and does', async t => {
  const cases: readonly (readonly [string, LoadWindow, string, number])[] = [
    ['too few answers', second(3, 40), 'too-few-answers', 16],
    ['nothing to compare with', second(25, 40, { ratio: null }), 'no-baseline', 16],
    ['it is not the limit', second(25, 40, { filledShare: 0, waitedShare: 0 }), 'not-in-use', 16],
    ['requests wait inside', second(25, 40), 'waits-inside', 9],
    ['the origin could do more', second(400, 40, { ratio: 1 }), 'room-for-more', 19],
    ['it fits', second(375, 40, { ratio: 1.1 }), 'room-for-more', 18],
    ['fewer would do, but nothing waits inside', second(100, 40, { ratio: 1.1 }), 'settled', 16],
    ['nothing ends', second(0, 40, { answers: 0, lastAnswerMs: 97_000 }), 'stalled', 24],
    ['places are kept free and there is room', second(300, 40, { ratio: 1, filledShare: 0 }), 'room-for-more', 19],
    ['places are kept free and requests wait inside', second(100, 40, { filledShare: 0 }), 'waits-inside', 9],
  ]
  for (const [name, window, reason, limit] of cases) {
    const step = stepAutoLimit(later, window, bounds)
    t.match(step, { reason, state: { limit } }, name)
  }
})

t.test('a step down that costs throughput is taken back, and the unloaded latency is measured anew', async t => {
  const down = stepAutoLimit(start, second(25, 40), bounds).state
  const undone = stepAutoLimit(down, second(20, 40), bounds)
  t.match(undone, { reason: 'cost-throughput', rebase: true, state: { limit: 16, trial: null } })
  t.match(stepAutoLimit(undone.state, second(25, 40, { nowMs: 110_000 }), bounds), {
    reason: 'held',
    state: { limit: 16 },
  })
  t.equal(stepAutoLimit(undone.state, second(25, 40, { nowMs: 121_000 }), bounds).reason, 'waits-inside')
})

t.test('where places are kept free, it does not try more for a while once requests have waited inside', async t => {
  const down = stepAutoLimit(start, second(100, 40, { filledShare: 0 }), bounds).state
  t.equal(down.trial, null)
  const free = (nowMs: number) =>
    stepAutoLimit(down, second(75, 40, { nowMs, ratio: 1, filledShare: 0 }), bounds).reason
  t.equal(free(130_000), 'places-kept-free')
  t.equal(free(161_000), 'room-for-more')
})

t.test('until requests wait inside it doubles, and never again after', async t => {
  const up = (state: AutoLimitState, ratio: number) => stepAutoLimit(state, second(600, 40, { ratio }), bounds).state
  const twice = up(up(start, 1), 1.1)
  t.match(twice, { limit: 64, isStarting: true })
  t.equal(up(twice, 1).limit, 100, 'within its bounds')
  const full = up(twice, 2)
  t.match(full, { isStarting: false })
  t.ok(up(full, 1).limit < 2 * full.limit)
  t.match(up(start, 3), { isStarting: false }, 'not even once where they wait at the start')
})

t.test('it never leaves its bounds', async t => {
  const narrow = { min: 2, max: 3 }
  let state = startAutoLimit(narrow)
  for (const window of [second(900, 40, { ratio: 1 }), second(1, 900), second(20, 1), second(20, 4000)]) {
    state = stepAutoLimit(state, window, narrow).state
    t.ok(state.limit >= 2 && state.limit <= 3)
  }
})
