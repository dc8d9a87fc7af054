import fc from 'fast-check'
import t from 'tap'
import { type Candidate, chooseOrigin } from '../../../plugins/upstream/balance.ts'

interface Origin extends Candidate {
  readonly name: string
  weight: number
  inFlight: number
  avoidUntilMs: number
}

const origin = (name: string, change: Partial<Origin> = {}): Origin => ({
  ...{ name, weight: 1, inFlight: 0, avoidUntilMs: 0, credit: 0 },
  ...change,
})

function turns(origins: Origin[], count: number, nowMs = 0): string {
  let names = ''
  for (let i = 0; i < count; i++) names += chooseOrigin(origins, 'round_robin', null, nowMs)?.name ?? '-'
  return names
}

t.test('round robin is smooth and follows the weights', async t => {
  const cases: [string, Origin[], string][] = [
    ['one', [origin('a')], 'aaa'],
    ['equal', [origin('a'), origin('b'), origin('c')], 'abcabc'],
    ['5:1:1 is spread, not bunched', [origin('a', { weight: 5 }), origin('b'), origin('c')], 'aabacaaaabacaa'],
    ['an avoided one has no turn', [origin('a', { avoidUntilMs: 9 }), origin('b'), origin('c')], 'bcbc'],
    ['all avoided: all have a turn', [origin('a', { avoidUntilMs: 9 }), origin('b', { avoidUntilMs: 9 })], 'abab'],
    ['none', [], '-'],
  ]
  for (const [name, origins, wanted] of cases) t.equal(turns(origins, wanted.length), wanted, name)
})

t.test('an origin comes back when its time is over', async t => {
  const origins = [origin('a', { avoidUntilMs: 100 }), origin('b')]
  t.equal(turns(origins, 2, 99), 'bb')
  t.match(turns(origins, 2, 100), 'a')
})

t.test('least requests counts by weight, ties go to the first', async t => {
  const cases: [string, Origin[], string][] = [
    ['the idle one', [origin('a', { inFlight: 2 }), origin('b')], 'b'],
    ['a tie', [origin('a', { inFlight: 1 }), origin('b', { inFlight: 1 })], 'a'],
    ['twice the weight, twice the work', [origin('a', { inFlight: 1 }), origin('b', { inFlight: 2, weight: 4 })], 'b'],
    ['an avoided idle one', [origin('a', { avoidUntilMs: 9 }), origin('b', { inFlight: 50 })], 'b'],
  ]
  for (const [name, origins, wanted] of cases) {
    t.equal(chooseOrigin(origins, 'least_requests', null, 0)?.name, wanted, name)
  }
})

t.test('no origin is tried twice', async t => {
  const [a, b] = [origin('a'), origin('b', { avoidUntilMs: 9 })]
  t.equal(chooseOrigin([a], 'round_robin', new Set([a]), 0), null)
  t.equal(chooseOrigin([a, b], 'round_robin', new Set([a]), 0), b, 'the avoided one is better than a refusal')
  t.equal(chooseOrigin([a, b], 'round_robin', new Set([a, b]), 0), null)
  t.equal(chooseOrigin([a, b], 'least_requests', new Set([a, b]), 0), null)
})

const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 6 })

t.test('weights are honoured exactly over a cycle', async () => {
  fc.assert(
    fc.property(weights, fc.integer({ min: 1, max: 3 }), (given, cycles) => {
      const origins = given.map((weight, i) => origin(String(i), { weight }))
      const chosen = turns(origins, given.reduce((sum, weight) => sum + weight) * cycles)
      return given.every((weight, i) => chosen.split(String(i)).length - 1 === weight * cycles)
    }),
  )
})

t.test(
  'an avoided origin gets nothing while another is healthy, and an outage of one leaves the shares true',
  async () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 100 }), (given, during) => {
        const origins = given.map((weight, i) => origin(String(i), { weight }))
        const sick = origins[0] as Origin
        sick.avoidUntilMs = 100
        if (turns(origins, during).includes('0')) return false
        const healthy = given.slice(1).reduce((sum, weight) => sum + weight)
        // Bring the healthy ones to the end of their own cycle, then a whole cycle must be exact again.
        turns(origins, (healthy - (during % healthy)) % healthy)
        const chosen = turns(origins, healthy + sick.weight, 100)
        return given.every((weight, i) => chosen.split(String(i)).length - 1 === weight)
      }),
    )
  },
)

t.test('when all are avoided all are eligible', async () => {
  fc.assert(
    fc.property(weights, fc.constantFrom('round_robin', 'least_requests'), (given, policy) => {
      const origins = given.map((weight, i) => origin(String(i), { weight, avoidUntilMs: 100 }))
      const tried = new Set<Origin>()
      for (const _ of origins) tried.add(chooseOrigin(origins, policy, tried, 0) as Origin)
      return tried.size === origins.length && !tried.has(null as never)
    }),
  )
})

t.test('least requests never chooses one that another undercuts', async () => {
  const candidate = fc.record({ weight: fc.integer({ min: 1, max: 9 }), inFlight: fc.nat(50) })
  fc.assert(
    fc.property(fc.array(candidate, { minLength: 1, maxLength: 6 }), given => {
      const origins = given.map((change, i) => origin(String(i), change))
      const load = (one: Origin) => (one.inFlight + 1) / one.weight
      const chosen = chooseOrigin(origins, 'least_requests', null, 0) as Origin
      return origins.every(one => load(one) >= load(chosen))
    }),
  )
})
