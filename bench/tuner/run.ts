/**
 * `npm run bench:tuner -- [--quick] [--scaled] [--random] [--drill] [--cost] [--real [--seconds 300]] [--seeds 1,2] [--world s1]`: the table of
 * docs/tuner.md. Virtual time and seeded chance: the same figures on every machine, but for `--cost` and `--real`.
 */
import { parseArgs } from 'node:util'
import { contenders } from './contenders.ts'
import { measureCost } from './cost.ts'
import { runDrills } from './drill.ts'
import { bestFixed } from './oracle.ts'
import { REAL_WORLDS, runReal } from './real/run.ts'
import { simulate } from './simulate.ts'
import { holdOutWorlds, knownWorlds, scaleWorld, varyWorld, type World } from './world.ts'

const QUICK_S = 600
const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    scaled: { type: 'boolean', default: false },
    random: { type: 'boolean', default: false },
    drill: { type: 'boolean', default: false },
    cost: { type: 'boolean', default: false },
    real: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '300' },
    seeds: { type: 'string', default: '' },
    world: { type: 'string', default: '' },
    only: { type: 'string', default: '' },
  },
})
const all = [...knownWorlds, ...holdOutWorlds].filter(({ id }) => id.startsWith(values.world))
const only = values.only === '' ? Object.keys(contenders) : values.only.split(',')
const seedsOr = (otherwise: readonly number[]) =>
  values.seeds === '' ? (values.quick ? otherwise.slice(0, 1) : otherwise) : values.seeds.split(',').map(Number)

interface Sum {
  regret: number
  worst: number
  runs: number
  attempts: number
  changes: number
  converged: number
}

const percent = (value: number) => `${(100 * value).toFixed(2)} %`

function compare(title: string, runs: readonly { world: World; seed: number }[], names: readonly string[]): void {
  const sums = new Map<string, Sum>()
  console.log(`\n## ${title}\n`)
  console.log('world'.padEnd(26), 'best fixed'.padStart(10), ...names.map(name => name.padStart(11)))
  for (const { world, seed } of runs) {
    const short = values.quick ? { ...world, durationS: Math.min(QUICK_S, world.durationS) } : world
    const oracle = bestFixed(short, seed)
    const cells = names.map(name => {
      const policy = contenders[name]
      if (policy === undefined) throw new Error(`there is no contender ${name}`)
      const run = simulate(short, policy(short), { seed })
      const regret = (oracle.score - run.score) / oracle.score
      const converged = convergedAt(run.minutes, oracle.minutes)
      const sum = sums.get(name) ?? { regret: 0, worst: -1, runs: 0, attempts: 0, changes: 0, converged: 0 }
      sum.regret += regret
      sum.worst = Math.max(sum.worst, regret)
      sum.runs++
      sum.attempts += run.attemptsPerRequest
      sum.changes += run.changesPerHour
      sum.converged += converged <= 1 ? 1 : 0
      sums.set(name, sum)
      return percent(regret).padStart(11)
    })
    console.log(`${world.id} (${seed})`.padEnd(26), oracle.score.toFixed(4).padStart(10), ...cells)
  }
  console.log('\ncontender   mean regret      worst  attempts/request  changes/h  within a minute')
  for (const [name, { regret, worst, runs: n, attempts, changes, converged }] of sums) {
    const cells = [
      percent(regret / n).padStart(11),
      percent(worst).padStart(10),
      (attempts / n).toFixed(3).padStart(17),
    ]
    console.log(name.padEnd(11), ...cells, (changes / n).toFixed(0).padStart(10), `${converged} of ${n}`.padStart(16))
  }
}

/** Minutes until the score of each minute stays at 95 % of the best fixed setting's in the same minute. */
function convergedAt(minutes: readonly number[], best: readonly (number | null)[]): number {
  let last = 0
  minutes.forEach((score, minute) => {
    if (score < 0.95 * (best[minute] ?? 0)) last = minute + 1
  })
  return last
}

async function compareReal(worlds: readonly World[], seconds: number, seed: number): Promise<void> {
  const rows = await runReal(worlds, seconds, seed)
  console.log(`\n## On real sockets, ${seconds} s each, all at once (seed ${seed})\n`)
  for (const { id } of worlds) {
    const own = rows.filter(({ world }) => world === id)
    const best = own.find(({ contender }) => contender === 'best fixed')?.score ?? 0
    console.log(`${id}: ${own[0]?.requests} requests`)
    for (const { contender, score, attemptsPerRequest } of own) {
      const regret = percent((best - score) / best).padStart(10)
      console.log(
        `  ${contender.padEnd(11)} score ${score.toFixed(4)}  regret ${regret}  attempts ${attemptsPerRequest.toFixed(3)}`,
      )
    }
  }
}

const pairs = (worlds: readonly World[], seeds: readonly number[]) =>
  seeds.flatMap(seed => worlds.map(world => ({ world, seed })))

const isSpecial = values.scaled || values.random || values.drill || values.cost || values.real
if (!isSpecial) compare('Fourteen worlds', pairs(all, seedsOr([1, 2])), only)
if (values.scaled) {
  const limited = all.filter(({ staticSweep }) => 'upstream.maxConcurrency' in staticSweep)
  const scaled = [0.5, 1, 4].flatMap(factor => limited.map(world => scaleWorld(world, factor)))
  compare('Upstream and load times 0.5, 1 and 4', pairs(scaled, seedsOr([1])), only)
}
if (values.random) {
  const seeds = seedsOr([11, 12, 13])
  const runs = seeds.flatMap(seed => all.map(world => ({ world: varyWorld(world, seed), seed })))
  compare('Every number of a world times 1/1.6 to 1.6', runs, only)
}
if (values.drill) runDrills()
if (values.cost) measureCost()
if (values.real) {
  const worlds = all.filter(({ id }) => REAL_WORLDS.includes(id))
  await compareReal(worlds, Number(values.seconds), seedsOr([1])[0] ?? 1)
}
