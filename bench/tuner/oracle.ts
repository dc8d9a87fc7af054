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
  return remembered(keyOf(world, seed), () => sweep(world, seed).best)
}

/** The score of each setting of the sweep, by label. */
export function allFixed(world: World, seed: number): Readonly<Record<string, number>> {
  return remembered(`${keyOf(world, seed)}-all`, () => sweep(world, seed).scores)
}

/** Both answers are remembered, whichever was asked for. */
function sweep(world: World, seed: number): { best: Oracle; scores: Record<string, number> } {
  let best: Oracle = { score: -1, label: '', minutes: [] }
  const scores: Record<string, number> = {}
  for (const { label, settings } of sweepSettings(world)) {
    const { score, minutes } = simulate(world, {}, { seed, settings })
    scores[label] = score
    if (score > best.score) best = { score, label, minutes: [...minutes] }
  }
  write(keyOf(world, seed), best)
  write(`${keyOf(world, seed)}-all`, scores)
  return { best, scores }
}

function keyOf(world: World, seed: number): string {
  const text = JSON.stringify([VERSION, world, seed])
  return createHash('sha256').update(text).digest('hex').slice(0, 24)
}

function remembered<T>(key: string, make: () => T): T {
  const path = join(folder, `${key}.json`)
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as T) : make()
}

function write(key: string, value: unknown): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${key}.json`), JSON.stringify(value))
}
