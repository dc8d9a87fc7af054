import t from 'tap'
import { patienceMs } from '../../../../plugins/admission/rules/patience.ts'

const wait = { isCrowd: true, isOverloaded: false, configuredMs: 10_000, tunedMs: 1_900, goalMs: 300 }

t.test('a crowd waits as long as is worth it, in an overload as long as its goal', async t => {
  t.equal(patienceMs(wait), 1_900)
  t.equal(patienceMs({ ...wait, isOverloaded: true }), 300)
  t.equal(patienceMs({ ...wait, isOverloaded: true, tunedMs: 100 }), 100)
})

t.test('a visitor or two wait as long as is configured, whatever else is the case', async t => {
  for (const isOverloaded of [false, true]) {
    t.equal(patienceMs({ ...wait, isCrowd: false, isOverloaded }), 10_000)
    t.equal(patienceMs({ ...wait, isCrowd: false, isOverloaded, tunedMs: 20_000 }), 20_000)
  }
})
