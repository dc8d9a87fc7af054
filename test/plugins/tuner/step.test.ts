/** What a step of the limit has changed, by what was finished and by how slow attempts have become. */
import t from 'tap'
import { changeBy } from '../../../plugins/tuner/knobs/step.ts'

const step = (from: number, to: number, done: number, ratio: number) => {
  const before = { doneARound: done / 3, done, isUsed: true, ratio }
  return { from, to, before, entry: {} as never }
}
const after = (doneARound: number, done: number, ratio: number) => ({ doneARound, done, isUsed: true, ratio })

t.test('a change is believed where it is more than chance, and sooner where both measures tell of it', async t => {
  const cases: [what: string, args: Parameters<typeof changeBy>, isWorse: boolean][] = [
    ['half as many, each twice as fast: nothing lost', [step(16, 8, 60, 2), after(20, 60, 1)], false],
    ['half as many, none faster, and fewer finished', [step(12, 6, 42, 1.05), after(9, 60, 0.96)], true],
    ['fewer finished, but each faster by as much: chance', [step(12, 6, 42, 2), after(9.5, 60, 1)], false],
    ['a third finished, whatever the times say', [step(16, 6, 90, 8), after(10, 60, 1.8)], true],
    ['more at once, each slower by more, and fewer finished', [step(40, 60, 60, 1), after(13, 60, 2)], true],
    ['more at once, each slower by as much: nothing lost', [step(40, 60, 60, 1), after(20, 60, 1.5)], false],
    ['too few compared: the counts alone', [step(12, 6, 42, 0), after(9, 60, 1)], false],
  ]
  for (const [what, args, isWorse] of cases) {
    const { change, chance } = changeBy(...args)
    t.equal(change < -chance, isWorse, `${what}: ${change} beside ${chance}`)
  }
})
