/**
 * One line of figures for all that the controller decides and writes down in many worlds: a change that is to make it
 * cheaper, and nothing else, leaves it as it was.
 */
import { createHash } from 'node:crypto'
import { createController } from '../../plugins/tuner/controller.ts'
import type { Decisions, TunerWindow } from '../../plugins/tuner/types.ts'
import { metaOf } from './contenders.ts'
import { simulate } from './simulate.ts'
import type { World } from './world.ts'

export function printFingerprints(runs: readonly { readonly world: World; readonly seed: number }[]): void {
  const whole = createHash('sha256')
  for (const { world, seed } of runs) {
    const print = fingerprint(world, seed)
    whole.update(print)
    console.log(`${`${world.id} (${seed})`.padEnd(26)} ${print.slice(0, 16)}`)
  }
  console.log(`all ${runs.length} runs`.padEnd(26), whole.digest('hex').slice(0, 16))
}

/** Decisions of every window, and the ledger as it stands a minute after the other: the last of it alone is 512 entries. */
function fingerprint(world: World, seed: number): string {
  const hash = createHash('sha256')
  const controller = createController(metaOf(world))
  let windows = 0
  const told = <T extends Decisions | null>(decisions: T): T => {
    hash.update(JSON.stringify(decisions))
    if (windows++ % 60 === 0) hash.update(JSON.stringify(controller.log))
    return decisions
  }
  const policy = {
    initial: () => told(controller.initial()),
    observe: (window: TunerWindow) => told(controller.observe(window)),
  }
  simulate(world, policy, { seed })
  return hash.update(JSON.stringify([controller.log, controller.save()])).digest('hex')
}
