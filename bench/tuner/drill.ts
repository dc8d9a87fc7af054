/**
 * The rollback drill: a bad value is forced into each knob from outside, and what the next five minutes lose is counted.
 */
import type { TunerWindow } from '../../plugins/tuner/types.ts'
import { contenders } from './contenders.ts'
import type { RouteSettings, Settings, UpstreamSettings } from './settings.ts'
import { simulate } from './simulate.ts'
import { knownWorlds, type World } from './world.ts'

const AT_S = 500
const AFTER_MINUTES = 5

const badUpstream: Partial<UpstreamSettings> = {
  maxConcurrency: 200,
  queueMax: 1,
  queueOrder: 'fifo',
  retryBudgetRatio: 2,
  parkMs: 0,
}
const badRoute: Partial<RouteSettings> = {
  attempts: 5,
  backoffBaseMs: 1000,
  queueTimeoutMs: 50,
  hedgeDelayMs: 1,
  compression: { algo: 'br', level: 11 },
}

export function runDrills(): void {
  console.log('\n## A bad value forced into each knob after 500 s\n')
  console.log('world'.padEnd(20), 'knob'.padEnd(18), 'back after', ' utility lost over 5 min')
  for (const world of knownWorlds) {
    const calm = run(world, null)
    for (const [knob, value] of Object.entries({ ...badUpstream, ...badRoute })) {
      const { minutes, backAfterS } = run(world, { knob, value })
      const from = Math.floor(AT_S / 60)
      const total = (all: readonly number[]) =>
        all.slice(from, from + AFTER_MINUTES).reduce((sum, score) => sum + score, 0)
      const lost = 1 - total(minutes) / total(calm.minutes)
      console.log(
        world.id.padEnd(20),
        knob.padEnd(18),
        `${backAfterS} s`.padStart(10),
        `${(100 * lost).toFixed(2)} %`.padStart(10),
      )
    }
  }
}

function run(world: World, bad: { knob: string; value: unknown } | null) {
  let before: unknown
  let backAfterS = Number.NaN
  const onWindow = ({ t }: TunerWindow, settings: Settings) => {
    if (bad === null || t < AT_S * 1000) return
    const of = { ...Object.values(settings.upstreams)[0], ...Object.values(settings.routes)[0] } as Record<
      string,
      unknown
    >
    if (t === AT_S * 1000) {
      before = of[bad.knob]
      force(settings, bad)
    } else if (Number.isNaN(backAfterS) && JSON.stringify(of[bad.knob]) === JSON.stringify(before)) {
      backAfterS = t / 1000 - AT_S
    }
  }
  const policy = contenders['tuner']
  if (policy === undefined) throw new Error('the tuner is missing')
  const short = { ...world, durationS: AT_S + (AFTER_MINUTES + 2) * 60 }
  return { minutes: simulate(short, policy(short), { seed: 1, onWindow }).minutes, backAfterS }
}

function force(settings: Settings, { knob, value }: { knob: string; value: unknown }): void {
  const all = knob in badUpstream ? Object.values(settings.upstreams) : Object.values(settings.routes)
  for (const knobs of all) Object.assign(knobs, { [knob]: value })
}
