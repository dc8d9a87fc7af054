/**
 * The table of docs/metrics.md names every signal of the source with its own sentence, and no other. To write it anew:
 * HG_UPDATE_DOCS=1 node test/docs/metrics.test.ts
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { PREFIX } from '../../plugins/metrics/index.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const page = `${root}docs/metrics.md`
const [BEGIN, END] = ['<!-- metrics: begin -->', '<!-- metrics: end -->']

/** A name in snake case and a sentence, as they stand side by side wherever a signal is declared. */
const declaration = /\(\s*(?:[\w.#]+,\s*)?'([a-z]+(?:_[a-z0-9]+)+)',\s*'([A-Z][^'\n]*\.)'/g

function declaredSignals(): Map<string, string> {
  const files = globSync('{plugins,gateway}/**/*.ts', { cwd: root })
  const found = files.flatMap(file => [...readFileSync(root + file, 'utf8').matchAll(declaration)])
  return new Map(found.map(([, name = '', help = '']): [string, string] => [name, help]).sort())
}

function tableOf(signals: Map<string, string>): string {
  const rows = Array.from(signals, ([name, help]) => `| \`${PREFIX}${name}\` | ${help} |`)
  return ['| metric | meaning |', '|---|---|', ...rows].join('\n')
}

const text = readFileSync(page, 'utf8')
const [before = '', rest = ''] = text.split(BEGIN)
const [written = '', after = ''] = rest.split(END)
const table = tableOf(declaredSignals())

if (process.env['HG_UPDATE_DOCS'] === '1') writeFileSync(page, `${before}${BEGIN}\n${table}\n${END}${after}`)
else {
  t.test('the table of metrics is in step with the source', async t => {
    t.strictSame(written.trim().split('\n'), table.split('\n'), 'write it anew with HG_UPDATE_DOCS=1')
    t.ok(table.split('\n').length > 40)
  })
}
