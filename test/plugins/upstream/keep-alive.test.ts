import fc from 'fast-check'
import t from 'tap'
import {
  decideIdleLimit,
  decideIdleLimitOnce,
  IDLE_MARGIN_MS,
  learnFromAnswer,
  learnFromClose,
  learnFromReuse,
  UNKNOWN_ORIGIN_IDLE_MS,
  unknownOrigin,
} from '../../../plugins/upstream/keep-alive.ts'

t.test('the idle limit follows what is known of the origin', async t => {
  const now = 1_000_000
  const closes = (idleMs: number, agoMs: number) => ({ closesAfter: { idleMs, atMs: now - agoMs } })
  const cases: [string, object, number, number][] = [
    ['nothing known', {}, 30_000, UNKNOWN_ORIGIN_IDLE_MS],
    ['nothing known, a lower setting', {}, 2_000, 2_000],
    ['keeping is off', {}, 0, 0],
    ['a hint of 5 s', { hintMs: 5_000 }, 30_000, 4_000],
    ['a hint of 65 s above the setting', { hintMs: 65_000 }, 30_000, 30_000],
    ['a hint of 2 s', { hintMs: 2_000 }, 30_000, 1_000],
    ['a hint of 1 s', { hintMs: 1_000 }, 30_000, 500],
    ['a hint of 0', { hintMs: 0 }, 30_000, 0],
    ['so short that keeping is not worth it', { hintMs: 150 }, 30_000, 0],
    ['learned', { learnedMs: 9_000 }, 30_000, 9_000],
    ['a hint beats what was learned', { hintMs: 5_000, learnedMs: 9_000 }, 30_000, 4_000],
    ['seen to close after 3 s', closes(3_000, 1_000), 30_000, 2_000],
    ['seen to close after 300 ms', closes(300, 1_000), 30_000, 150],
    ['seen to close earlier than its own hint', { hintMs: 60_000, ...closes(3_000, 1_000) }, 30_000, 2_000],
    ['what was seen is forgotten after ten minutes', closes(3_000, 600_001), 30_000, UNKNOWN_ORIGIN_IDLE_MS],
  ]
  for (const [name, known, maxIdleMs, wanted] of cases) {
    t.equal(decideIdleLimit({ ...unknownOrigin(), ...known }, maxIdleMs, now), wanted, name)
  }
})

t.test('one closing is enough for a request that cannot be sent again', async t => {
  const known = unknownOrigin()
  learnFromClose(known, 300, 1_000)
  t.equal(decideIdleLimit(known, 30_000, 1_001), UNKNOWN_ORIGIN_IDLE_MS)
  t.equal(decideIdleLimitOnce(known, 30_000, 1_001), 150)
  t.equal(decideIdleLimitOnce(known, 30_000, 601_000), UNKNOWN_ORIGIN_IDLE_MS, 'forgotten after ten minutes')
  learnFromReuse(known, 700, 30_000)
  t.equal(decideIdleLimitOnce(known, 30_000, 1_002), UNKNOWN_ORIGIN_IDLE_MS, 'a longer silence disproves it')
})

t.test('where the origin has closed at once, what cannot be sent again goes on no used connection', async t => {
  const known = unknownOrigin()
  learnFromClose(known, 2, 1_000)
  learnFromReuse(known, 5, 30_000)
  t.equal(decideIdleLimit(known, 30_000, 1_001), UNKNOWN_ORIGIN_IDLE_MS)
  t.equal(decideIdleLimitOnce(known, 30_000, 10_999), 0, 'a short silence disproves nothing')
  t.equal(decideIdleLimitOnce(known, 30_000, 11_000), UNKNOWN_ORIGIN_IDLE_MS, 'forgotten after ten seconds')
  learnFromClose(known, 2, 20_000)
  learnFromReuse(known, 150, 30_000)
  t.equal(decideIdleLimitOnce(known, 30_000, 20_001), UNKNOWN_ORIGIN_IDLE_MS)
})

t.test('an origin that ends its connection with each answer keeps none, until it leaves one open', async t => {
  const known = unknownOrigin()
  learnFromAnswer(known, false)
  t.equal(decideIdleLimit(known, 30_000, 0), UNKNOWN_ORIGIN_IDLE_MS, 'an error may end its own')
  learnFromAnswer(known, false)
  t.equal(decideIdleLimit(known, 30_000, 0), 0)
  learnFromAnswer(known, true)
  t.equal(decideIdleLimit(known, 30_000, 0), UNKNOWN_ORIGIN_IDLE_MS)
})

const duration = fc.integer({ min: 1, max: 600_000 })

t.test('the limit is always below what the origin said or showed, and never above the setting', async () => {
  fc.assert(
    fc.property(duration, fc.integer({ min: 0, max: 600_000 }), (hintMs, maxIdleMs) => {
      const limit = decideIdleLimit({ ...unknownOrigin(), hintMs }, maxIdleMs, 0)
      return limit < hintMs && limit <= maxIdleMs && (hintMs < 2_000 || limit <= hintMs - IDLE_MARGIN_MS)
    }),
  )
  fc.assert(
    fc.property(duration, fc.option(duration, { nil: null }), fc.option(duration, { nil: null }), (...spans) => {
      const [idleMs, hintMs, learnedMs] = spans
      const known = { ...unknownOrigin(), hintMs, learnedMs, closesAfter: { idleMs, atMs: 0 } }
      return decideIdleLimit(known, 3_600_000, 1) < idleMs
    }),
  )
})

t.test('a longer hint never gives a shorter limit', async () => {
  fc.assert(
    fc.property(duration, duration, (one, other) => {
      const limit = (hintMs: number) => decideIdleLimit({ ...unknownOrigin(), hintMs }, 600_000, 0)
      return one <= other ? limit(one) <= limit(other) : limit(one) >= limit(other)
    }),
  )
})

t.test('reuse after most of the limit proves the origin more patient, up to the setting', async t => {
  const known = unknownOrigin()
  learnFromReuse(known, 2_000, 30_000)
  t.equal(known.learnedMs, null, 'half of the limit proves nothing')
  learnFromReuse(known, 2_400, 30_000)
  t.equal(known.learnedMs, 6_000)
  learnFromReuse(known, 2_400, 30_000)
  t.equal(known.learnedMs, 6_000, 'what proved 4 s does not prove 6 s')
  for (let i = 0; i < 20; i++) learnFromReuse(known, 30_000, 30_000)
  t.equal(known.learnedMs, 30_000)
})

t.test('a limit is learned from two closings that agree and lie apart', async t => {
  const cases: [string, [idleMs: number, atMs: number][], number | null][] = [
    ['one closing', [[1_000, 0]], null],
    [
      'two that agree',
      [
        [1_000, 0],
        [1_050, 2_000],
      ],
      1_000,
    ],
    [
      'the shorter counts',
      [
        [1_050, 0],
        [1_000, 2_000],
      ],
      1_000,
    ],
    [
      'ones within 150 ms of each other',
      [
        [600, 0],
        [740, 1_000],
      ],
      600,
    ],
    [
      'two short ones, as two restarts under load leave them',
      [
        [5, 0],
        [20, 1_000],
      ],
      null,
    ],
    [
      'five short ones',
      [
        [300, 0],
        [310, 1_000],
        [320, 2_000],
        [310, 3_000],
        [300, 4_000],
      ],
      300,
    ],
    [
      'long ones within 15 %',
      [
        [60_000, 0],
        [66_000, 90_000],
      ],
      60_000,
    ],
    [
      'two that differ',
      [
        [1_000, 0],
        [3_000, 5_000],
      ],
      null,
    ],
    [
      'a restart closes all at one moment',
      [
        [1_000, 0],
        [1_010, 10],
        [1_020, 20],
      ],
      null,
    ],
    [
      'an odd one between',
      [
        [1_000, 0],
        [9_000, 10_000],
        [1_000, 20_000],
      ],
      null,
    ],
    [
      'agreement after an odd one',
      [
        [9_000, 0],
        [1_000, 10_000],
        [1_000, 20_000],
      ],
      1_000,
    ],
  ]
  for (const [name, closings, wanted] of cases) {
    const known = { ...unknownOrigin(), learnedMs: 20_000 }
    for (const [idleMs, atMs] of closings) learnFromClose(known, idleMs, atMs)
    t.equal(known.closesAfter?.idleMs ?? null, wanted, name)
    t.equal(known.learnedMs, wanted === null ? 20_000 : null, `${name}: what was believed before`)
  }
})

t.test('a longer life disproves a closing', async t => {
  const known = unknownOrigin()
  learnFromClose(known, 1_000, 0)
  learnFromReuse(known, 3_000, 30_000)
  learnFromClose(known, 1_000, 10_000)
  t.equal(known.closesAfter, null)
})
