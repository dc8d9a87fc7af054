/** The quick categories of the fault cases, against the gateway as a process; `run.ts` runs all of them. */
import t from 'tap'
import { allCases } from './registry.ts'
import { runCategory } from './runner.ts'

for (const category of ['smuggling', 'normalisation', 'headers', 'websocket', 'cache']) {
  t.test(`the fault cases of the category ${category} hold`, async t => {
    const cases = allCases.filter(({ fault }) => fault.category === category)
    await runCategory(cases, ({ fault, outcome, note }) => {
      const title = `${fault.name}: ${fault.must}`
      if (outcome === 'skipped') t.pass(title, { skip: note })
      else if (outcome === 'explained') t.fail(title, { todo: note })
      else t.equal(outcome, 'passed', title, { diagnostic: note !== '' && outcome === 'failed', got: note })
    })
  })
}
