/**
 * Which encoder at which level, for each route and class of clients: the one with the least time until the last byte, that
 * is time on the gateway's CPU plus time on the client's link. Both queues are predicted: an encoder that is twice as slow
 * also lets the others wait, and an answer half as large leaves the link to them sooner.
 */
import type { Book } from '../guard/book.ts'
import { type CodingFacts, codingsFor, firstCoding, identity, isCompressed, sameCoding } from '../model/codings.ts'
import { clamp, rounded } from '../model/numbers.ts'
import type { ClassSums, RouteMemory } from '../model/route-memory.ts'
import type { Coding, CodingByClass } from '../types.ts'

/** Answers of a class before anything is said about it. */
const ENOUGH = 40
const REST = 45
const LEAST_GAIN = 0.03
const LEAST_GAIN_MS = 1
/** Most of the gateway's CPU that may be used. */
const MOST_CPU = 0.75
const MOST_FLOW = 0.95
/** What an encoder could not shrink by so much is left as it is. */
const INCOMPRESSIBLE = 0.97
/** Mean sizes below are not worth a thought. */
const LEAST_BYTES = 1024

export function firstCompression(contentType: string): Coding {
  return isCompressed(contentType) ? identity : firstCoding
}

/** Beside the table: how much of the saving is reached, and how much longer it takes. */
interface Learned {
  readonly shrink: number
  readonly slowness: number
}

const nothingLearned: Learned = { shrink: 1, slowness: 1 }

export interface GatewayLoad {
  readonly cores: number
  /** Share of the CPU in use. */
  readonly cpu: number
}

export class CompressionKnob {
  #restUntil = 0
  /** What was learned of a class's answers while they were encoded. */
  readonly #learned = new Map<string, Learned>()

  decide(route: RouteMemory, gateway: GatewayLoad, book: Book): void {
    const now = book.value('route', route.id, 'compression') as Coding | CodingByClass | undefined
    if (now === undefined || book.now < this.#restUntil || isCompressed(route.contentType)) return
    const changed: Record<string, Coding> = {}
    const evidence: Record<string, number> = {}
    for (const [cls, sums] of route.classes) {
      const current = codingOf(now, cls)
      const choice = this.#choose(route, { cls, sums, current }, gateway)
      if (choice === null) continue
      changed[cls] = { algo: choice.algo, level: choice.level }
      evidence[`${cls}Ms`] = rounded(choice.beforeMs)
      evidence[`${cls}ExpectedMs`] = rounded(choice.afterMs)
      evidence[`${cls}Answers`] = rounded(sums.n)
    }
    if (Object.keys(changed).length === 0) return
    this.#restUntil = book.now + REST
    const byClass = { ...('byClass' in now ? now.byClass : {}), ...changed }
    const names = Object.entries(changed).map(([cls, { algo, level }]) => `${algo} ${level} for ${cls}`)
    const entry = book.change({
      scope: 'route',
      target: route.id,
      knob: 'compression',
      to: { byClass, default: 'byClass' in now ? now.default : now },
      hypothesis: `${names.join(', ')}: less time on the CPU and the link together`,
      evidence,
      expected: 'the last byte arrives sooner',
    })
    if (entry === null) return
    // Sums under another coding say nothing of this one.
    for (const cls of Object.keys(changed)) route.classes.delete(cls)
  }

  #choose(
    route: RouteMemory,
    { cls, sums, current }: { cls: string; sums: ClassSums; current: Coding },
    gateway: GatewayLoad,
  ) {
    if (sums.n < ENOUGH || sums.raw / sums.n < LEAST_BYTES || sums.out <= 0) return null
    const facts = codingsFor(route.contentType)
    const used = facts.find(coding => sameCoding(coding, current))
    if (used === undefined) return null
    const learned = learn(sums, used) ?? this.#learned.get(cls) ?? nothingLearned
    this.#learned.set(cls, learned)
    const model = modelOf(sums, { used, learned }, gateway)
    const before = model(used)
    let best = used
    let bestMs = before
    for (const coding of facts) {
      const ms = model(coding)
      if (!(ms < bestMs)) continue
      best = coding
      bestMs = ms
    }
    const gain = before - bestMs
    if (gain < LEAST_GAIN_MS || gain < LEAST_GAIN * before) return null
    return { algo: best.algo, level: best.level, beforeMs: before, afterMs: bestMs }
  }
}

/** Null while nothing is encoded. */
function learn(sums: ClassSums, used: CodingFacts): Learned | null {
  if (used.algo === 'identity') return null
  const shrink = clamp((1 - sums.out / sums.raw) / (1 - used.ratio), 0, 1.2)
  const slowness = sums.cpuMs > 0 ? clamp(sums.cpuMs / (sums.raw / used.bytesPerMs), 0.2, 20) : 1
  return { shrink, slowness }
}

/** Predicted milliseconds of encoding and sending one answer of the class, by coding. */
function modelOf(
  sums: ClassSums,
  { used, learned: { shrink, slowness } }: { used: CodingFacts; learned: Learned },
  { cores, cpu }: GatewayLoad,
): (coding: CodingFacts) => number {
  const raw = sums.raw / sums.n
  // Answers on their way at once, by Little's law; each second, so many were there for so long.
  const flow = clamp(sums.flowing / 1000, 0, 20)
  const busy = Math.min(MOST_FLOW, flow / (1 + flow))
  const perByte = sums.transferMs / sums.out
  const outNow = sums.out / sums.n
  const perSecond = sums.flowing === 0 ? 0 : (sums.flowing / sums.transferMs) * sums.n
  const workNow = (raw / used.bytesPerMs) * slowness
  return coding => {
    const ratio = coding.algo === 'identity' ? 1 : 1 - (1 - coding.ratio) * shrink
    if (ratio > INCOMPRESSIBLE && coding.algo !== 'identity') return Number.POSITIVE_INFINITY
    const work = (raw / coding.bytesPerMs) * slowness
    const load = Math.max(0, cpu + ((work - workNow) * perSecond) / (1000 * cores))
    if (load > MOST_CPU && work > workNow) return Number.POSITIVE_INFINITY
    const out = raw * ratio
    const busyThen = Math.min(MOST_FLOW, (busy * out) / outNow)
    return work / (1 - Math.min(0.95, load)) + (out * perByte * (1 - busy)) / (1 - busyThen)
  }
}

function codingOf(value: Coding | CodingByClass, cls: string): Coding {
  return 'byClass' in value ? (value.byClass[cls] ?? value.default) : value
}
