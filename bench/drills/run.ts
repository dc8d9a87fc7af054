/**
 * Drills: what visitors see while an app dies, stalls or fails. Ours with its defaults beside others.
 *
 *   node bench/drills/run.ts [--drill NAME]... [--with NAME]... [--json FILE]
 *
 * Ends with 1 when one of ours is not as asked.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freePort, waitUntilListening } from '../http.ts'
import { Children } from '../processes.ts'
import { type Contender, contenders } from './contenders.ts'
import { drills } from './list/index.ts'
import { visit } from './load.ts'
import { WARM_UP_FIELD } from './origin.ts'
import type { Drill, DrillResult, DrillRun } from './types.ts'

const WARM_UP = 100
/** A proxy that makes each of them wait is not waited for. */
const WARM_UP_MS = 5_000

const { values } = parseArgs({
  options: {
    drill: { type: 'string', multiple: true },
    with: { type: 'string', multiple: true },
    json: { type: 'string' },
  },
})
const children = new Children(2_000)
process.on('exit', () => children.killAll())
process.on('SIGINT', () => process.exit(130))

const chosen = drills.filter(({ name }) => values.drill?.includes(name) ?? true)
const present = contenders.filter(({ name }) => values.with?.includes(name) ?? true).filter(isPresent)
const results: { drill: string; contender: string; result: DrillResult }[] = []
let isAsAsked = true
for (const drill of chosen) {
  console.log(`\n${drill.name}: ${drill.title}\n  asked: ${drill.asked}`)
  for (const contender of present) {
    const result = await runDrill(drill, contender)
    results.push({ drill: drill.name, contender: contender.name, result })
    const isOurs = contender.name === 'hearthgate'
    if (isOurs && result.figures.some(({ isFine }) => isFine === false)) isAsAsked = false
    console.log(`  ${contender.name.padEnd(11)} ${line(result, isOurs)}`)
  }
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`)
process.exitCode = isAsAsked ? 0 : 1

function isPresent({ name, find }: Contender): boolean {
  const found = find()
  if (!found.available) console.log(`${name} takes no part: ${found.reason}`)
  return found.available
}

function line({ figures }: DrillResult, isJudged: boolean): string {
  const mark = (isFine: boolean | null) => (isJudged && isFine === false ? ' (!)' : '')
  return figures.map(({ name, value, isFine }) => `${name} ${value}${mark(isFine)}`).join('   ')
}

async function runDrill(drill: Drill, contender: Contender): Promise<DrillResult> {
  const endings: (() => unknown)[] = []
  const run: DrillRun = {
    atEnd: action => void endings.push(action),
    front: async (originPorts, tuning = {}) => {
      const directory = mkdtempSync(join(tmpdir(), 'hearthgate-drill-'))
      endings.push(() => rmSync(directory, { recursive: true, force: true }))
      const port = await freePort()
      const { command, files } = contender.launch({ directory, port, originPorts, tuning })
      for (const [name, text] of files) writeFileSync(join(directory, name), text)
      const child = await children.start(contender.name, command)
      endings.push(() => children.stop(child))
      await waitUntilListening(child, port)
      // Programs are slow at first; that is not what is drilled.
      const beganMs = performance.now()
      for (let i = 0; i < WARM_UP && performance.now() - beganMs < WARM_UP_MS; i++) {
        await visit(port, { headers: { [WARM_UP_FIELD]: '1' } })
      }
      return { name: contender.name, port }
    },
  }
  try {
    return await drill.run(run)
  } finally {
    for (const end of endings.toReversed()) await end()
  }
}
