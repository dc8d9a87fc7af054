/**
 * Which level an answer is encoded with on the fly: the one with the least time of encoding plus sending, among those
 * whose bytes are near what a careful fixed setting would send. Under load only the time of encoding counts.
 */
import { high, onTheFly, reference } from './levels.ts'
import type { Coding } from './types.ts'

/** What one level costs and brings, measured. */
export interface LevelCost {
  /** CPU time in milliseconds for each KiB of input. */
  readonly msPerKiB: number
  /** Bytes out for each byte in. */
  readonly ratio: number
}

export interface LevelQuestion {
  readonly coding: Coding
  /** Highest level that the route allows. */
  readonly ceiling: number
  /** Of the body; null when not known. */
  readonly length: number | null
  /** How fast the client takes bytes, for each millisecond. */
  readonly bytesPerMs: number
  readonly load: Load
}

export interface Load {
  /** Delay of the event loop, in milliseconds. */
  readonly loopDelayMs: number
  /** Share of the machine's CPU time that is in use, 0 to 1. */
  readonly cpuShare: number
  /** No further encoder of a high level may start. */
  readonly isHighFull: boolean
}

export type LevelReason = 'cheapest' | 'loaded' | 'only'

export interface LevelDecision {
  readonly level: number
  readonly reason: LevelReason
}

/** Bytes that a level may send beyond the reference, where time is saved by it; the cheapest levels send 6 to 25 % more. */
const BYTES_TOLERANCE = 1.03
/** The same under load: gzip 4 takes half the time of 6. */
const LOADED_TOLERANCE = 1.06
/** And of long bodies, of which gzip 4 makes 3 to 10 % more bytes than 6 (of short ones 2 to 4 %), and 5 no more than 3 %. */
const LOADED_TOLERANCE_LONG = 1.04
const LONG_BYTES = 128 * 1024
/** Above these, answers that wait count more than bytes. */
const MAX_LOOP_DELAY_MS = 20
const MAX_CPU_SHARE = 0.85
/** What a body without a length is taken for. */
const USUAL_KIB = 64

export function chooseLevel(question: LevelQuestion, costOf: (level: number) => LevelCost): LevelDecision {
  const { coding, ceiling, load } = question
  const allowed = onTheFly[coding].filter(level => level <= ceiling && !(load.isHighFull && level >= high[coding]))
  const [first = 1] = allowed
  if (allowed.length < 2) return { level: first, reason: 'only' }
  const isLoaded = load.loopDelayMs > MAX_LOOP_DELAY_MS || load.cpuShare > MAX_CPU_SHARE
  const tolerance = isLoaded ? loadedTolerance(question.length) : BYTES_TOLERANCE
  const limit = costOf(Math.min(reference[coding], ceiling)).ratio * tolerance
  let best = allowed.at(-1) ?? first
  let least = Number.POSITIVE_INFINITY
  for (const level of allowed) {
    const cost = costOf(level)
    if (cost.ratio > limit) continue
    const total = isLoaded ? cost.msPerKiB : totalMs(question, cost)
    if (total < least) {
      best = level
      least = total
    }
  }
  return { level: best, reason: isLoaded ? 'loaded' : 'cheapest' }
}

function loadedTolerance(length: number | null): number {
  return length !== null && length > LONG_BYTES ? LOADED_TOLERANCE_LONG : LOADED_TOLERANCE
}

/** The less of the machine is free, the longer others wait for what is encoded here. */
function totalMs({ length, bytesPerMs, load }: LevelQuestion, { msPerKiB, ratio }: LevelCost): number {
  const kib = length === null ? USUAL_KIB : length / 1024
  const free = Math.max(0.1, 1 - load.cpuShare)
  return (kib * msPerKiB) / free + (kib * 1024 * ratio) / bytesPerMs
}
