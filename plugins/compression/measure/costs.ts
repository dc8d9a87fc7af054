/**
 * What each level of each coding costs and brings on this machine: measured once on another machine, scaled by a
 * calibration at the start, and corrected by every answer that is encoded.
 */
import type { LevelCost } from '../rules/choose-level.ts'
import { onTheFly } from '../rules/levels.ts'
import type { Coding, ContentClass } from '../rules/types.ts'

/** Milliseconds a KiB and bytes out for each byte in, of 100 KiB of JSON (docs/compression.md). */
const measured: Readonly<Record<Coding, Readonly<Record<number, LevelCost>>>> = {
  gzip: {
    1: { msPerKiB: 0.0073, ratio: 0.303 },
    4: { msPerKiB: 0.0111, ratio: 0.283 },
    5: { msPerKiB: 0.0162, ratio: 0.272 },
    6: { msPerKiB: 0.0201, ratio: 0.269 },
    7: { msPerKiB: 0.0235, ratio: 0.266 },
    9: { msPerKiB: 0.0298, ratio: 0.261 },
  },
  br: {
    1: { msPerKiB: 0.0036, ratio: 0.293 },
    2: { msPerKiB: 0.0065, ratio: 0.28 },
    4: { msPerKiB: 0.0114, ratio: 0.275 },
    5: { msPerKiB: 0.0194, ratio: 0.262 },
    6: { msPerKiB: 0.0217, ratio: 0.257 },
    7: { msPerKiB: 0.035, ratio: 0.254 },
    9: { msPerKiB: 0.085, ratio: 0.25 },
  },
  zstd: {
    1: { msPerKiB: 0.0021, ratio: 0.284 },
    3: { msPerKiB: 0.0027, ratio: 0.275 },
    4: { msPerKiB: 0.0033, ratio: 0.2745 },
    5: { msPerKiB: 0.0052, ratio: 0.2735 },
    6: { msPerKiB: 0.0104, ratio: 0.272 },
    9: { msPerKiB: 0.016, ratio: 0.27 },
  },
}

/** Weight of one answer against all that were seen before. */
const NEWEST = 0.05
/** One answer moves a correction no further than this, either way: an odd body must not decide for the others. */
const MOST = 4

export interface Encoded {
  readonly coding: Coding
  readonly level: number
  readonly contentClass: ContentClass
  readonly bytesIn: number
  readonly bytesOut: number
  readonly ms: number
}

export class Costs {
  /** This machine against the measured one, by coding and level. */
  readonly #machine = new Map<string, number>()
  /** Bodies of this class against the measured ones, by class and coding. */
  readonly #bodies = new Map<string, { time: number; ratio: number }>()

  of(coding: Coding, level: number, contentClass: ContentClass): LevelCost {
    const known = costNear(coding, level)
    const machine = this.#machine.get(`${coding} ${level}`) ?? 1
    const bodies = this.#bodies.get(`${contentClass} ${coding}`)
    if (bodies === undefined) return { msPerKiB: known.msPerKiB * machine, ratio: known.ratio }
    return { msPerKiB: known.msPerKiB * machine * bodies.time, ratio: Math.min(1, known.ratio * bodies.ratio) }
  }

  /** Of the calibration: milliseconds a KiB of one level. */
  calibrate(coding: Coding, level: number, msPerKiB: number): void {
    this.#machine.set(`${coding} ${level}`, msPerKiB / costNear(coding, level).msPerKiB)
  }

  /** All levels of a coding move together: one that is not in use now must not look cheap because nobody tries it. */
  learn({ coding, level, contentClass, bytesIn, bytesOut, ms }: Encoded): void {
    if (bytesIn < 1024) return
    const known = costNear(coding, level)
    const machine = this.#machine.get(`${coding} ${level}`) ?? 1
    const key = `${contentClass} ${coding}`
    const bodies = this.#bodies.get(key) ?? { time: 1, ratio: 1 }
    bodies.time = moved(bodies.time, ms / (bytesIn / 1024) / (known.msPerKiB * machine))
    bodies.ratio = moved(bodies.ratio, bytesOut / bytesIn / known.ratio)
    this.#bodies.set(key, bodies)
  }
}

function moved(from: number, to: number): number {
  const bounded = Math.min(from * MOST, Math.max(from / MOST, to))
  return from + NEWEST * (bounded - from)
}

function costNear(coding: Coding, level: number): LevelCost {
  const table = measured[coding]
  const exact = table[level]
  if (exact !== undefined) return exact
  const below = onTheFly[coding].findLast(each => each <= level) ?? 1
  return table[below] as LevelCost
}
