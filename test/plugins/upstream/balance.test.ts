import fc from 'fast-check'
import t from 'tap'
import { type BalancePolicy, type Candidate, type Choice, chooseOrigin } from '../../../plugins/upstream/balance.ts'

interface Origin extends Candidate {
  readonly name: string
  weight: number
  inFlight: number
  avoidUntilMs: number
}

const origin = (name: string, change: Partial<Origin> = {}): Origin => ({
  ...{ name, address: { url: name }, weight: 1, inFlight: 0, latencyMs: 0, avoidUntilMs: 0, credit: 0 },
  weightAt() {
    return this.weight
  },
  isAvoided(nowMs) {
    return this.avoidUntilMs > nowMs
  },
  ...change,
})

const by = (policy: BalancePolicy, change: Partial<Choice> = {}): Choice => ({
  ...{ policy, tried: null, avoid: undefined, key: undefined, nowMs: 0, random: Math.random },
  ...change,
})

function turns(origins: Origin[], count: number, nowMs = 0): string {
  let names = ''
  for (let i = 0; i < count; i++) names += chooseOrigin(origins, by('round_robin', { nowMs }))?.name ?? '-'
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
    t.equal(chooseOrigin(origins, by('least_requests'))?.name, wanted, name)
  }
})

t.test('no origin is tried twice', async t => {
  const [a, b] = [origin('a'), origin('b', { avoidUntilMs: 9 })]
  t.equal(chooseOrigin([a], by('round_robin', { tried: new Set([a]) })), null)
  t.equal(
    chooseOrigin([a, b], by('round_robin', { tried: new Set([a]) })),
    b,
    'the avoided one is better than a refusal',
  )
  t.equal(chooseOrigin([a, b], by('round_robin', { tried: new Set([a, b]) })), null)
  t.equal(chooseOrigin([a, b], by('least_requests', { tried: new Set([a, b]) })), null)
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
    fc.property(
      weights,
      fc.constantFrom<BalancePolicy>('round_robin', 'least_requests', 'p2c', 'hash'),
      (given, policy) => {
        const origins = given.map((weight, i) => origin(String(i), { weight, avoidUntilMs: 100 }))
        const tried = new Set<Origin>()
        for (const _ of origins) tried.add(chooseOrigin(origins, by(policy, { tried, key: 'a client' })) as Origin)
        return tried.size === origins.length && !tried.has(null as never)
      },
    ),
  )
})

t.test('least requests never chooses one that another undercuts', async () => {
  const candidate = fc.record({ weight: fc.integer({ min: 1, max: 9 }), inFlight: fc.nat(50) })
  fc.assert(
    fc.property(fc.array(candidate, { minLength: 1, maxLength: 6 }), given => {
      const origins = given.map((change, i) => origin(String(i), change))
      const load = (one: Origin) => (one.inFlight + 1) / one.weight
      const chosen = chooseOrigin(origins, by('least_requests')) as Origin
      return origins.every(one => load(one) >= load(chosen))
    }),
  )
})

t.test('the better of two goes by running requests and by time', async t => {
  const cases: [string, Origin[], string][] = [
    ['the quick one', [origin('a', { latencyMs: 200 }), origin('b', { latencyMs: 20 })], 'b'],
    ['a quick one that is busy', [origin('a', { latencyMs: 60 }), origin('b', { latencyMs: 20, inFlight: 4 })], 'a'],
    ['weights', [origin('a', { latencyMs: 20 }), origin('b', { latencyMs: 20, weight: 3 })], 'b'],
  ]
  for (const [name, origins, wanted] of cases) t.equal(chooseOrigin(origins, by('p2c'))?.name, wanted, name)
})

t.test('a key stays with its origin, and one that goes moves only its own keys', async t => {
  const all = ['a', 'b', 'c'].map(name => origin(name))
  const keys = Array.from({ length: 300 }, (_, i) => `client ${i}`)
  const homes = keys.map(key => chooseOrigin(all, by('hash', { key })) as Origin)
  for (const one of all) t.ok(homes.filter(home => home === one).length > 60, `${one.name} has its share`)
  const left = all.filter(({ name }) => name !== 'b')
  const moved = keys.filter((key, i) => chooseOrigin(left, by('hash', { key })) !== homes[i])
  t.ok(moved.every(key => homes[keys.indexOf(key)]?.name === 'b'))
})

t.test('an origin to be kept away from is taken only when there is no other', async t => {
  const [a, b] = [origin('a'), origin('b')]
  const avoid = new Set(['a'])
  for (const policy of ['round_robin', 'least_requests', 'p2c', 'hash'] as const) {
    t.equal(chooseOrigin([a, b], by(policy, { avoid, key: 'k' })), b, policy)
    t.equal(chooseOrigin([a], by(policy, { avoid, key: 'k' })), a, `${policy}: the only one`)
  }
})

t.test('where too few are healthy all count', async t => {
  const origins = Array.from({ length: 5 }, (_, i) => origin(String(i), { avoidUntilMs: i === 0 ? 0 : 9 }))
  t.equal(new Set(turns(origins, 5)).size, 5)
})
