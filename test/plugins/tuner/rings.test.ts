/** The rings that the tuner remembers times in, against the plainest way to know the same. */
import fc from 'fast-check'
import t from 'tap'
import { LazyRing } from '../../../plugins/tuner/model/lazy-ring.ts'
import { MedianRings } from '../../../plugins/tuner/model/median-rings.ts'

const quantile = (numbers: readonly number[], q: number) =>
  numbers.toSorted((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(q * numbers.length))] ?? 0

/** Some alike, some of every size. */
const value = fc.oneof(fc.nat(5), fc.double({ min: 0, max: 1e12, noNaN: true }))
/** What comes before somebody asks; none = what came is forgotten first. */
const rounds = fc.array(fc.array(value, { maxLength: 50 }), { maxLength: 20 })

t.test('a quantile is the same whether numbers were merged, sorted or forgotten before', async () => {
  fc.assert(
    fc.property(rounds, fc.integer({ min: 1, max: 60 }), (rounds, size) => {
      const ring = new LazyRing(size)
      let all: number[] = []
      for (const come of rounds) {
        if (come.length === 0) {
          ring.clear()
          all = []
        }
        for (const each of come) ring.push(each)
        all = [...all, ...come].slice(-size)
        const isSame = [0, 0.5, 0.93, 1].every(q => ring.quantile(q) === quantile(all, q))
        const [min, max] = all.length === 0 ? [0, 0] : [Math.min(...all), Math.max(...all)]
        if (!isSame || ring.count !== all.length || ring.min !== min || ring.max !== max) return false
      }
      return true
    }),
    { numRuns: 300 },
  )
})

t.test('a median is found from wherever it was, in each ring by itself, also after all have been scaled', async () => {
  const round = fc.record({
    ring: fc.nat(2),
    come: fc.array(value, { maxLength: 30 }),
    limit: value,
    scale: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(round, { maxLength: 30 }), fc.integer({ min: 1, max: 25 }), (rounds, size) => {
      const rings = new MedianRings(3, size)
      let all: number[][] = [[], [], []]
      for (const { ring, come, limit, scale } of rounds) {
        for (const each of come) rings.push(ring, each)
        all = all.with(ring, [...(all[ring] ?? []), ...come].slice(-size))
        if (scale) {
          rings.scale(1.7)
          all = all.map(numbers => numbers.map(each => each * 1.7))
        }
        const known = all[ring] ?? []
        if (known.length === 0) continue
        // Asked before it is known, and after.
        const isBelow = quantile(known, 0.5) < limit
        if (rings.isMedianBelow(ring, limit) !== isBelow) return false
        if (all.some((numbers, i) => rings.medianOf(i) !== quantile(numbers, 0.5))) return false
        if (rings.isMedianBelow(ring, limit) !== isBelow || rings.countOf(ring) !== known.length) return false
      }
      return true
    }),
    { numRuns: 300 },
  )
})

t.test('numbers that are none end the search all the same', async t => {
  const rings = new MedianRings(1, 8)
  for (const each of [Number.NaN, 3, Number.NaN, Number.POSITIVE_INFINITY, 1]) rings.push(0, each)
  t.type(rings.medianOf(0), 'number')
})
