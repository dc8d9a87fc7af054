/**
 * `npm run bench:tuner -- [--quick] [--scaled] [--random] [--further] [--invented] [--drill] [--cost] [--fingerprint] [--real [--seconds 300]] [--seeds 1,2] [--world s1]`: the table of
 * docs/tuner.md. Virtual time and seeded chance: the same figures on every machine, but for `--cost` and `--real`.
 */
import { parseArgs } from 'node:util'
import { percent } from './bars.ts'
import { compare } from './compare.ts'
import { usual } from './contenders.ts'
import { measureCost } from './cost.ts'
import { runDrills } from './drill.ts'
import { printFingerprints } from './fingerprint.ts'
import { inventWorld } from './invent.ts'
import { REAL_WORLDS, runReal } from './real/run.ts'
import { furtherWorlds, holdOutWorlds, knownWorlds, scaleWorld, varyWorld, type World } from './world.ts'

const QUICK_S = 600
const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    scaled: { type: 'boolean', default: false },
    random: { type: 'boolean', default: false },
    further: { type: 'boolean', default: false },
    invented: { type: 'boolean', default: false },
    drill: { type: 'boolean', default: false },
    cost: { type: 'boolean', default: false },
    fingerprint: { type: 'boolean', default: false },
    real: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '300' },
    seeds: { type: 'string', default: '' },
    world: { type: 'string', default: '' },
    only: { type: 'string', default: '' },
  },
})
const all = [...knownWorlds, ...holdOutWorlds].filter(({ id }) => id.startsWith(values.world))
const only = values.only === '' ? usual : values.only.split(',')
const seedsOr = (otherwise: readonly number[]) =>
  values.seeds === '' ? (values.quick ? otherwise.slice(0, 1) : otherwise) : values.seeds.split(',').map(Number)

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

const short = (world: World): World =>
  values.quick ? { ...world, durationS: Math.min(QUICK_S, world.durationS) } : world

const isSpecial = [
  values.scaled,
  values.random,
  values.further,
  values.invented,
  values.drill,
  values.cost,
  values.fingerprint,
  values.real,
].some(Boolean)
if (!isSpecial) {
  const runs = seedsOr([1, 2]).flatMap(seed => all.map(world => ({ world: short(world), seed })))
  compare('Fourteen worlds', { runs, names: only, demands: { mean: 0.02, worst: 0.05 } })
}
if (values.scaled) {
  const limited = all.filter(({ staticSweep }) => 'upstream.maxConcurrency' in staticSweep)
  const runs = seedsOr([1]).flatMap(seed =>
    [0.5, 1, 4].flatMap(factor =>
      limited.map(world => ({ world: short(scaleWorld(world, factor)), seed, group: `${world.id} ${seed}` })),
    ),
  )
  compare('Upstream and load times 0.5, 1 and 4', { runs, names: only, demands: { mean: 0.015, worst: 0.05 } })
}
if (values.random) {
  const seeds = seedsOr([11, 12, 13])
  const runs = seeds.flatMap(seed => all.map(world => ({ world: short(varyWorld(world, seed)), seed })))
  compare('Every number of a world times 1/1.6 to 1.6', { runs, names: only, demands: { mean: 0.03, worst: 0.08 } })
}
if (values.further) {
  const worlds = furtherWorlds.filter(({ id }) => id.startsWith(values.world))
  const runs = seedsOr([1, 2]).flatMap(seed =>
    worlds.map(world => ({ world: short(seed === 1 ? world : varyWorld(world, seed)), seed })),
  )
  compare('Further worlds, varied but for seed 1', { runs, names: only, demands: { mean: 0.03, worst: 0.08 } })
}
if (values.invented) {
  const runs = seedsOr([101, 102, 103]).map(seed => ({ world: inventWorld(seed), seed }))
  compare('Invented worlds, one a seed', { runs, names: only, demands: { mean: 0.03, worst: 0.08 } })
}
if (values.drill) runDrills()
if (values.cost) measureCost()
if (values.fingerprint) {
  const seeds = seedsOr([1, 2])
  printFingerprints(
    seeds.flatMap(seed => [
      ...all.map(world => ({ world: short(world), seed })),
      ...all.map(world => ({ world: short(varyWorld(world, 100 + seed)), seed })),
      ...furtherWorlds.map(world => ({ world: short(world), seed })),
      { world: short(inventWorld(400 + seed)), seed },
    ]),
  )
}
if (values.real) {
  const worlds = all.filter(({ id }) => REAL_WORLDS.includes(id))
  await compareReal(worlds, Number(values.seconds), seedsOr([1])[0] ?? 1)
}
