/**
 * What each level of each coding costs and brings on this machine: measured once on another machine, scaled by a
 * calibration at the start, and corrected by every answer that is encoded.
 */
import type { LevelCost } from '../rules/choose-level.ts'
import { onTheFly } from '../rules/levels.ts'
import type { Coding, ContentClass } from '../rules/types.ts'

interface Measured extends LevelCost {
  /** The same of the calibration's text, which is short: what this machine is compared by. */
  readonly sampleMsPerKiB: number
}

/** Means over scripts, style sheets, pages and JSON of real apps: `npm run bench:levels` prints them. */
const measured: Readonly<Record<Coding, Readonly<Record<number, Measured>>>> = {
  gzip: {
    1: { msPerKiB: 0.0066, ratio: 0.243, sampleMsPerKiB: 0.0021 },
    4: { msPerKiB: 0.0086, ratio: 0.2128, sampleMsPerKiB: 0.0033 },
    5: { msPerKiB: 0.0112, ratio: 0.2049, sampleMsPerKiB: 0.005 },
    6: { msPerKiB: 0.017, ratio: 0.2023, sampleMsPerKiB: 0.0055 },
    7: { msPerKiB: 0.0218, ratio: 0.2004, sampleMsPerKiB: 0.0075 },
    9: { msPerKiB: 0.0355, ratio: 0.1993, sampleMsPerKiB: 0.0102 },
  },
  br: {
    1: { msPerKiB: 0.0029, ratio: 0.2374, sampleMsPerKiB: 0.0018 },
    2: { msPerKiB: 0.0053, ratio: 0.2185, sampleMsPerKiB: 0.0028 },
    4: { msPerKiB: 0.009, ratio: 0.2064, sampleMsPerKiB: 0.0048 },
    5: { msPerKiB: 0.015, ratio: 0.1901, sampleMsPerKiB: 0.0069 },
    6: { msPerKiB: 0.0176, ratio: 0.1874, sampleMsPerKiB: 0.0078 },
    7: { msPerKiB: 0.0228, ratio: 0.185, sampleMsPerKiB: 0.009 },
    9: { msPerKiB: 0.0639, ratio: 0.1826, sampleMsPerKiB: 0.0109 },
  },
  zstd: {
    1: { msPerKiB: 0.0025, ratio: 0.2296, sampleMsPerKiB: 0.0023 },
    3: { msPerKiB: 0.0031, ratio: 0.2158, sampleMsPerKiB: 0.0022 },
    4: { msPerKiB: 0.0031, ratio: 0.2183, sampleMsPerKiB: 0.0031 },
    5: { msPerKiB: 0.0068, ratio: 0.2033, sampleMsPerKiB: 0.0038 },
    6: { msPerKiB: 0.0091, ratio: 0.1961, sampleMsPerKiB: 0.0052 },
    9: { msPerKiB: 0.0135, ratio: 0.1903, sampleMsPerKiB: 0.0095 },
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

  /** Of the calibration: milliseconds a KiB of its text at one level. */
  calibrate(coding: Coding, level: number, msPerKiB: number): void {
    this.#machine.set(`${coding} ${level}`, msPerKiB / costNear(coding, level).sampleMsPerKiB)
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

function costNear(coding: Coding, level: number): Measured {
  const table = measured[coding]
  const exact = table[level]
  if (exact !== undefined) return exact
  const below = onTheFly[coding].findLast(each => each <= level) ?? 1
  return table[below] as Measured
}
