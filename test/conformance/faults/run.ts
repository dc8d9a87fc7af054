// The published fault cases against the built gateway:
//   node test/conformance/faults/run.ts [--category X]... [--case Y]... [--client undici] [--json FILE]
// Prints TAP and a table; ends with 1 when a case fails that is not explained in misses.ts. See docs/conformance.md.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Result } from './runner.ts'

const { values } = parseArgs({
  options: {
    category: { type: 'string', multiple: true },
    case: { type: 'string', multiple: true },
    client: { type: 'string', default: 'native' },
    json: { type: 'string' },
  },
})

const project = fileURLToPath(new URL('../../../', import.meta.url))
if (process.env['HG_MAIN'] === undefined) {
  const built = spawnSync(process.execPath, ['scripts/build.mjs', '--if-stale'], { cwd: project, stdio: 'inherit' })
  if (built.status !== 0) process.exit(built.status ?? 1)
  process.env['HG_MAIN'] = join(project, 'dist', 'gateway', 'main.js')
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))

// These read HG_MAIN when they are loaded.
const { runCategory } = await import('./runner.ts')
const { allCases } = await import('./registry.ts')

const results = await runChosen()
printTable(results)
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`)
process.exit(results.some(({ outcome }) => outcome === 'failed') ? 1 : 0)

async function runChosen(): Promise<Result[]> {
  const chosen = allCases.filter(
    ({ fault }) => (values.category?.includes(fault.category) ?? true) && (values.case?.includes(fault.name) ?? true),
  )
  if (chosen.length === 0) throw new Error('no such case')
  const results: Result[] = []
  console.log(`TAP version 14\n1..${chosen.length}`)
  for (const category of new Set(chosen.map(({ fault }) => fault.category))) {
    const cases = chosen.filter(({ fault }) => fault.category === category)
    const onResult = (result: Result) => {
      results.push(result)
      printResult(result, results.length)
    }
    await runCategory(cases, onResult, values.client === 'undici' ? 'undici' : 'native')
  }
  return results
}

function printResult({ fault, outcome, note, ms }: Result, number: number): void {
  const title = `${number} - ${fault.category}/${fault.name}`
  const time = `time=${Math.round(ms)}ms`
  if (outcome === 'passed') console.log(`ok ${title} # ${time}${note === '' ? '' : ` ${note}`}`)
  else if (outcome === 'skipped') console.log(`ok ${title} # SKIP ${note}`)
  else if (outcome === 'explained') console.log(`not ok ${title} # TODO ${note}`)
  else
    console.log(
      `not ok ${title} # ${time}\n  ---\n  must: ${fault.must}\n  got: ${note.replaceAll('\n', '\n    ')}\n  ...`,
    )
}

function printTable(all: readonly Result[]): void {
  console.log('\n# category        passed  explained  failed  skipped  total')
  for (const category of new Set(all.map(({ fault }) => fault.category))) {
    const own = all.filter(({ fault }) => fault.category === category)
    const count = (outcome: Result['outcome']) => own.filter(result => result.outcome === outcome).length
    const cells = [count('passed'), count('explained'), count('failed'), count('skipped'), own.length]
    const [passed, explained, failed, skipped, total] = cells.map(String) as [string, string, string, string, string]
    console.log(
      `# ${category.padEnd(15)} ${passed.padStart(6)} ${explained.padStart(10)} ${failed.padStart(7)} ${skipped.padStart(8)} ${total.padStart(6)}`,
    )
  }
}
