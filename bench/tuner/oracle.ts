/**
 * The best fixed setting of a world, by trying all of its sweep. Remembered on disk: nothing of it depends on the tuner.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sweepSettings } from './settings.ts'
import { simulate } from './simulate.ts'
import type { World } from './world.ts'

const folder = fileURLToPath(new URL('../../node_modules/.cache/hearthgate-tuner/', import.meta.url))
/** Goes up when the simulation changes. */
const VERSION = 2

export interface Oracle {
  readonly score: number
  readonly label: string
  readonly minutes: readonly (number | null)[]
}

export function bestFixed(world: World, seed: number): Oracle {
  const key = createHash('sha256')
    .update(JSON.stringify([VERSION, world, seed]))
    .digest('hex')
    .slice(0, 24)
  const path = join(folder, `${key}.json`)
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as Oracle
  let best: Oracle = { score: -1, label: '', minutes: [] }
  for (const { label, settings } of sweepSettings(world)) {
    const { score, minutes } = simulate(world, {}, { seed, settings })
    if (score > best.score) best = { score, label, minutes: [...minutes] }
  }
  mkdirSync(folder, { recursive: true })
  writeFileSync(path, JSON.stringify(best))
  return best
}
