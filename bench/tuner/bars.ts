/**
 * What the tuner must reach, row by row: pure, from what the worlds gave.
 */
import type { World } from './world.ts'

/** One contender in one world. */
export interface Row {
  readonly world: World
  readonly seed: number
  readonly contender: string
  readonly score: number
  readonly regret: number
  readonly attempts: number
  readonly changesPerHour: number
  /** Most minutes on end that it was below the best fixed setting by more than 5 %. */
  readonly converged: number
  /** Regret of the one fixed setting that is best over all sizes of the world; null where only one size was run. */
  readonly fixedRegret: number | null
}

export interface Bar {
  readonly name: string
  readonly demand: string
  readonly measured: string
  readonly holds: boolean
}

interface Demands {
  readonly mean: number
  readonly worst: number
}

export const percent = (value: number): string => `${(100 * value).toFixed(2)} %`
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
const most = (values: readonly number[]) => Math.max(...values)

/** Rows of the tuner beside rows of the untuned proxy and of the same data plane with the tuner off, as far as they were run. */
export function barsOf(rows: readonly Row[], { mean: meanBar, worst }: Demands): Bar[] {
  const own = rows.filter(({ contender }) => contender === 'tuner')
  if (own.length === 0) return []
  const regrets = own.map(({ regret }) => regret)
  return [
    bar('mean regret', `<= ${percent(meanBar)}`, percent(mean(regrets)), mean(regrets) <= meanBar),
    bar('worst regret', `<= ${percent(worst)}`, `${percent(most(regrets))}, ${worstOf(own)}`, most(regrets) <= worst),
    ...fixedBars(own),
    ...besideBars(own, rows),
    ...convergenceBars(own),
    ...costBars(own),
  ]
}

function bar(name: string, demand: string, measured: string, holds: boolean): Bar {
  return { name, demand, measured, holds }
}

function worstOf(rows: readonly Row[]): string {
  return rows.toSorted((a, b) => b.regret - a.regret)[0]?.world.id ?? ''
}

/** One setting for all sizes is what a person could write down; a third of what it loses is the demand. */
function fixedBars(own: readonly Row[]): Bar[] {
  const fixed = own.flatMap(({ fixedRegret }) => fixedRegret ?? [])
  if (fixed.length === 0) return []
  const [ours, theirs] = [mean(own.map(({ regret }) => regret)), mean(fixed)]
  const measured = `${percent(ours)} beside ${percent(theirs)} (worst ${percent(most(fixed))})`
  return [
    bar('beside the best fixed setting for all sizes', 'at most a third of its regret', measured, ours <= theirs / 3),
  ]
}

function besideBars(own: readonly Row[], rows: readonly Row[]): Bar[] {
  const pairs = (contender: string) =>
    own.flatMap(row => {
      const { world, seed, score } = row
      const other = rows.find(each => each.contender === contender && each.world === world && each.seed === seed)
      return other === undefined ? [] : [{ id: world.id, ours: score, theirs: other.score }]
    })
  const [off, untuned] = [pairs('off'), pairs('untuned')]
  const bars: Bar[] = []
  if (off.length > 0) {
    const gains = off.map(({ ours, theirs }) => 100 * (ours - theirs))
    const measured = `${mean(gains).toFixed(2)} points, worst ${Math.min(...gains).toFixed(2)}`
    const holds = mean(gains) >= 1 && Math.min(...gains) >= -1
    bars.push(bar('beside the same data plane, tuner off', '>= 1 point better, never > 1 worse', measured, holds))
  }
  if (untuned.length > 0) {
    const harm = (all: typeof untuned) => most(all.map(({ ours, theirs }) => (theirs - ours) / theirs))
    const quiet = untuned.filter(({ id }) => isQuiet(id))
    bars.push(bar('harm beside an untuned proxy', '<= 1 %', percent(harm(untuned)), harm(untuned) <= 0.01))
    if (quiet.length > 0)
      bars.push(bar('the same in a quiet home', '<= 0.5 %', percent(harm(quiet)), harm(quiet) <= 0.005))
  }
  return bars
}

function convergenceBars(own: readonly Row[]): Bar[] {
  const within = (minutes: number) => own.filter(({ converged }) => converged <= minutes).length
  const late = own
    .filter(({ converged }) => converged > 2)
    .map(({ world, converged }) => `${world.id} ${converged} min`)
  const n = own.length
  return [
    bar('converged within 60 windows', '>= 12 of 14', `${within(1)} of ${n}`, within(1) >= (12 / 14) * n),
    bar('converged within 120 windows', 'all', [`${within(2)} of ${n}`, ...late].join(', '), within(2) === n),
  ]
}

function costBars(own: readonly Row[]): Bar[] {
  const failing = own.filter(({ world }) => isFailing(world))
  const sound = own.filter(({ world }) => !isFailing(world))
  const attempts = (rows: readonly Row[]) => most([0, ...rows.map(row => row.attempts)])
  const changes = mean(own.map(row => row.changesPerHour))
  const quiet = own.filter(({ world }) => isQuiet(world.id)).map(row => row.changesPerHour)
  return [
    bar('most attempts a request', '<= 1.10', attempts(sound).toFixed(3), attempts(sound) <= 1.1),
    bar('the same where the upstream fails', '<= 1.25', attempts(failing).toFixed(3), attempts(failing) <= 1.25),
    bar('knob changes an hour, mean', '<= 60', changes.toFixed(0), changes <= 60),
    ...(quiet.length === 0
      ? []
      : [bar('the same in a quiet home', '<= 12', most(quiet).toFixed(0), most(quiet) <= 12)]),
  ]
}

const isQuiet = (id: string) => id.includes('quiet')

/** Fails by itself or restarts, whatever is sent to it. */
function isFailing({ upstreams, routes }: World): boolean {
  const isBroken = upstreams.some(({ fast503, down, crash }) => [fast503, down, crash].some(each => each !== undefined))
  return isBroken || routes.some(({ p5xx = 0 }) => p5xx > 0)
}

/** A table in Markdown. */
export function formatBars(bars: readonly Bar[]): string {
  const lines = bars.map(({ name, demand, measured, holds }) => {
    return `| ${name} | ${demand} | ${measured} | ${holds ? 'yes' : 'no'} |`
  })
  return ['| bar | demand | measured | holds |', '|---|---|---|---|', ...lines].join('\n')
}
