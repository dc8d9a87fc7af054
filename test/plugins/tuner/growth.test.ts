import t from 'tap'
import { growthAt } from '../../../plugins/tuner/knobs/growth.ts'
import { isInVain, type Step } from '../../../plugins/tuner/knobs/step.ts'

const growths = [
  { ratio: 0.8, isStarting: false, factor: 1.5 },
  { ratio: 1, isStarting: false, factor: 1.5 },
  { ratio: 1.36, isStarting: false, factor: 1.25 },
  { ratio: 1.6, isStarting: false, factor: 1.15 },
  { ratio: 1.6, isStarting: true, factor: 2 },
]

for (const { ratio, isStarting, factor } of growths) {
  t.test(`${ratio} times as slow as alone${isStarting ? ' at the start' : ''}: grows by ${factor}`, async t => {
    t.equal(Math.round(100 * growthAt(ratio, isStarting)) / 100, factor)
  })
}

const step = (from: number, to: number) => ({ from, to }) as Step

t.test('growth that gave less than half of what there was room for was in vain, a smaller limit never', async t => {
  t.ok(isInVain(step(10, 12), 0.05))
  t.notOk(isInVain(step(10, 12), 0.15))
  t.ok(isInVain(step(10, 12), -0.3))
  t.notOk(isInVain(step(12, 10), -0.3))
})
