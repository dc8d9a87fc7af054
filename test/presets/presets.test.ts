/** Every line of every preset's contract, through a gateway. */
import t from 'tap'
import { findPreset, presetNames } from '../../gateway/config/presets.ts'
import { models } from './model.ts'
import { checks } from './promises.ts'
import { openRig } from './rig.ts'

t.strictSame(Object.keys(models).toSorted(), [...presetNames()], 'every preset has an emulator')

for (const name of presetNames()) {
  t.test(`the preset ${name} keeps its contract`, async t => {
    const rig = await openRig(t, name)
    for (const line of findPreset(name)?.contract ?? []) {
      await t.test(`${line.promise} ${line.path ?? line.field ?? ''}: ${line.rule}`, async t => {
        const check = checks[line.promise]
        if (check === undefined) throw new Error('no test stands for this promise')
        rig.app.script = (_request, response) => response.end('fine')
        await check(t, rig, line)
      })
    }
  })
}
