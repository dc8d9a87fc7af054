/** Ages of stored answers, above all where the clock was not right when they came. */
import t from 'tap'
import { currentAgeMs, MOST_SKEW_MS } from '../../../../plugins/cache/rules/age.ts'

const hour = 3_600_000
const stored = { freshness: { initialAgeMs: 0, lifetimeMs: 24 * hour, source: 'max-age' as const }, responseTimeMs: 0 }

t.test('the age of what is stored', async t => {
  const cases: [wanted: number, nowMs: number, why: string][] = [
    [0, 0, 'just now'],
    [hour, hour, 'an hour ago'],
    [0, -MOST_SKEW_MS, 'by a gateway whose clock is a little ahead'],
    [24 * hour, -MOST_SKEW_MS - 1, 'by a clock that was ahead: not fresh any more'],
    [24 * hour, -400 * 24 * hour, 'by one that was far ahead'],
  ]
  for (const [wanted, nowMs, why] of cases) t.equal(currentAgeMs(stored, nowMs), wanted, why)
  const old = { ...stored, freshness: { ...stored.freshness, initialAgeMs: 30 * hour } }
  t.equal(currentAgeMs(old, -hour), 30 * hour, 'what was old on arrival stays so')
})
