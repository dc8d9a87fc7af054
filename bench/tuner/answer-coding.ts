/**
 * The compression plugin's own decision in the simulated gateway: its rule, with the costs of the simulated encoders, for each
 * answer below the one ceiling of the route. What a coding for each class of clients would bring is measured against it.
 */
import { LAN_BYTES_PER_MS, WAN_BYTES_PER_MS } from '../../plugins/compression/measure/bandwidth.ts'
import { chooseLevel } from '../../plugins/compression/rules/choose-level.ts'
import { leastCeiling } from '../../plugins/compression/rules/levels.ts'
import type { Coding, CodingByClass, Controller } from '../../plugins/tuner/types.ts'
import type { Policy } from './simulate.ts'

/** Stands where a coding stands; the level is the ceiling. */
export const BY_ANSWER = 'by answer'
const KIB = 1024
/** `loadWatch` of the plugin looks twice a second. */
const SAMPLE_MS = 500

interface Asked {
  readonly ceiling: number
  readonly cls: string
  readonly bytes: number
  readonly cpuShare: number
  readonly costOf: (coding: Coding, bytes: number) => { ms: number; bytes: number }
}

export function codingByAnswer({ ceiling, cls, bytes, cpuShare, costOf }: Asked): Coding {
  const question = {
    coding: 'br' as const,
    ceiling,
    length: bytes,
    bytesPerMs: cls === 'lan' ? LAN_BYTES_PER_MS : WAN_BYTES_PER_MS,
    load: { loopDelayMs: 0, cpuShare, isHighFull: false },
  }
  const { level } = chooseLevel(question, level => {
    const { ms, bytes: out } = costOf({ algo: 'br', level }, KIB)
    return { msPerKiB: ms, ratio: out / KIB }
  })
  return { algo: 'br', level }
}

/** Share of the gateway's CPU in use, as of the last look. */
export class CpuShare {
  #share = 0
  #busyMs = 0
  #at = 0

  of(nowMs: number, busyMs: number): number {
    if (nowMs - this.#at >= SAMPLE_MS) {
      this.#share = (busyMs - this.#busyMs) / (nowMs - this.#at)
      this.#busyMs = busyMs
      this.#at = nowMs
    }
    return this.#share
  }
}

/** Lowest ceilings: one for all clients, or for those in the local network and for those far away. */
export interface Floors {
  readonly lan: number
  readonly wan: number
}

/** A controller whose codings are ceilings, as the plugin takes them. Without floors: the one for those who are far away. */
export function asCeiling(controller: Controller, floors: Floors | null): Policy {
  const translate = <T extends ReturnType<Controller['observe']>>(decisions: T): T => {
    for (const knobs of Object.values(decisions?.routes ?? {})) {
      if (knobs.compression !== undefined) knobs.compression = ceilingOf(knobs.compression, floors)
    }
    return decisions
  }
  return {
    initial: () => translate(structuredClone(controller.initial())),
    observe: window => translate(structuredClone(controller.observe({ ...window, knobs: null }))),
  }
}

function ceilingOf(value: Coding | CodingByClass, floors: Floors | null): Coding | CodingByClass {
  const of = (cls: string) => ('byClass' in value ? (value.byClass[cls] ?? value.default) : value)
  if (floors === null) return asLevel(of('wan'), leastCeiling.br)
  return {
    byClass: { lan: asLevel(of('lan'), floors.lan), wan: asLevel(of('wan'), floors.wan) },
    default: asLevel(of('wan'), floors.wan),
  }
}

function asLevel(coding: Coding, floor: number): Coding {
  return coding.algo === 'identity' ? coding : { algo: BY_ANSWER, level: Math.max(floor, coding.level) }
}
