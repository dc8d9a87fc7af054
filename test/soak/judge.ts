/**
 * What a soak has shown: failures that nothing explains, and whether memory and descriptors stayed flat. Pure.
 */
import type { Outage } from './origins.ts'

export interface Failure {
  readonly visitor: string
  readonly what: string
  /** By `performance.now()`. */
  readonly fromMs: number
  readonly untilMs: number
}

export interface Sample {
  readonly heapBytes: number
  readonly rssBytes: number
  readonly descriptors: number
  readonly sockets: number
  readonly timers: number
}

/** A connection that an app cut when it died may still be noticed so much later. */
const AFTERMATH_MS = 1_500

/**
 * A POST that had been sent to an app that died is one honest 502, 503 or 504, and so is one that nobody could take. All
 * else has to be right: safe requests go to the other app, and one of the apps never dies.
 */
export function isExplained({ visitor, what, fromMs, untilMs }: Failure, outages: readonly Outage[]): boolean {
  if (visitor !== 'post' || !/^answered 50[234]$/.test(what)) return false
  return outages.some(outage => fromMs <= outage.untilMs + AFTERMATH_MS && untilMs >= outage.fromMs)
}

/** Growth from one part of the run to another that is no leak: caches fill, V8 keeps what it has. */
const GROWTH = 1.3
const SLACK_BYTES = 32 * 1024 ** 2
/** More of these than that are kept by something: the visitors are the same all the time. */
const SLACK_COUNT = 24

/** What grew from the second quarter of the run to its last; the first is warming up. Empty = flat. */
export function findGrowth(samples: readonly Sample[]): string[] {
  const quarter = Math.floor(samples.length / 4)
  if (quarter < 2) return ['too few samples to judge']
  const early = samples.slice(quarter, 2 * quarter)
  const late = samples.slice(-quarter)
  const heap = [lowest(early, 'heapBytes'), lowest(late, 'heapBytes')] as const
  const grown: string[] = []
  if (heap[1] > heap[0] * GROWTH + SLACK_BYTES) grown.push(`heap from ${mib(heap[0])} to ${mib(heap[1])}`)
  for (const key of ['descriptors', 'sockets', 'timers'] as const) {
    const [before, after] = [lowest(early, key), lowest(late, key)]
    if (after > before + SLACK_COUNT) grown.push(`${key} from ${before} to ${after}`)
  }
  return grown
}

/** The floor of a saw tooth is what is kept. */
function lowest(samples: readonly Sample[], key: keyof Sample): number {
  return Math.min(...samples.map(sample => sample[key]))
}

export function mib(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`
}
