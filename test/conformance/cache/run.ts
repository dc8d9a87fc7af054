// The published cache cases against the built gateway:
//   node test/conformance/cache/run.ts [--store memory|disk|redis] [--cache YAML] [--case ID]... [--json FILE] [--verbose]
//   node test/conformance/cache/run.ts --direct | --peer nginx     (a check of the runner: no cache, another cache)
//   --as-published leaves out the one check that the published results never made.
// Prints TAP, a table and every miss; ends with 1 when a miss is not explained in misses.ts, or a case passes that is
// listed there. See docs/conformance.md.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { allCases, choose, suites } from './registry.ts'
import { missLines, table, tapLine, wireLines } from './report.ts'
import { isMiss, isSurprise, type Result, score } from './scoring.ts'

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'memory' },
    cache: { type: 'string' },
    case: { type: 'string', multiple: true },
    json: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    direct: { type: 'boolean', default: false },
    peer: { type: 'string' },
    'as-published': { type: 'boolean', default: false },
  },
})

const isOurs = !values.direct && values.peer === undefined
/** What is known to be missed with the options of this suite says nothing about others, or about other caches. */
const isJudged = isOurs && values.cache === undefined
const project = fileURLToPath(new URL('../../../', import.meta.url))
if (isOurs && process.env['HG_MAIN'] === undefined) {
  const built = spawnSync(process.execPath, ['scripts/build.mjs', '--if-stale'], { cwd: project, stdio: 'inherit' })
  if (built.status !== 0) process.exit(built.status ?? 1)
  process.env['HG_MAIN'] = join(project, 'dist', 'gateway', 'main.js')
}

// These read HG_MAIN when they are loaded.
const { openGatewayCache, openNginx, stores, withoutNginx } = await import('./caches.ts')
const { knownMisses } = await import('./misses.ts')
const { openOrigin } = await import('./origin.ts')
const { runCases } = await import('./runner.ts')

const cleanups: (() => unknown)[] = []
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => void cleanUp().finally(() => process.exit(130)))
}

try {
  const results = await runChosen()
  printAll(results)
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`)
  process.exitCode = isJudged && results.some(isSurprise) ? 1 : 0
} finally {
  await cleanUp()
}

async function runChosen(): Promise<Result[]> {
  const chosen = values.case === undefined ? allCases : choose(values.case)
  const origin = await openOrigin()
  cleanups.push(() => origin.close())
  const port = await openCache(origin.port)
  return score(await runCases(chosen, port, !values['as-published']), isJudged ? knownMisses : {})
}

async function openCache(originPort: number): Promise<number> {
  const t = { teardown: (fn: () => unknown) => void cleanups.push(fn) }
  if (values.direct) return originPort
  if (values.peer !== undefined) {
    const missing = values.peer === 'nginx' ? withoutNginx() : `no such peer: ${values.peer}`
    if (missing !== false) throw new Error(missing)
    return (await openNginx(t, originPort)).port
  }
  const store = stores.find(name => name === values.store)
  if (store === undefined) throw new Error(`--store is one of ${stores.join(', ')}`)
  const cache = await openGatewayCache(t, originPort, store, values.cache)
  cleanups.push(() => process.stderr.write(cache.log()))
  return cache.port
}

function printAll(results: readonly Result[]): void {
  console.log(`TAP version 14\n1..${results.length}`)
  for (const [at, result] of results.entries()) {
    const suite = suites.find(({ tests }) => tests.includes(result.one))
    console.log(tapLine(result, at + 1, suite?.id ?? ''))
    const isShown = values.verbose && (isMiss(result) || values.case?.includes(result.one.id))
    if (isShown) for (const line of wireLines(result.run)) console.log(`#   ${line}`)
  }
  console.log(
    `\n${table(suites, results)}\n\n${missLines(results, isJudged).join('\n')}`.replaceAll('\n', '\n# ').trimStart(),
  )
}

async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
}
