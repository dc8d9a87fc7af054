/**
 * What is remembered of a route: how long its attempts take by how crowded the upstream was, how they end, and what its
 * answers cost to encode and to send. Bounded: some rings of fixed size and a few sums.
 */
import type { AttemptSample, ClassWindow, Goal, RouteMeta, RouteWindow } from '../types.ts'
import { LazyRing } from './lazy-ring.ts'
import { MedianRings } from './median-rings.ts'
import { amount, isTime } from './numbers.ts'

const DEFAULT_GOAL: Goal = { goodMs: 1000, badMs: 10_000 }
/** Levels of crowding: 1, 2, 3-4, 5-8, … attempts at once. */
const CROWDINGS = 9
const CROWDING_RING = 40
const CROWDING_ENOUGH = 12
const RECENT_RING = 256
/** Most classes of clients that are told apart. */
const MOST_CLASSES = 8
/** A minute later, a sum counts for a third. */
const KEEP = Math.exp(-1 / 60)
const KEEP_BRIEFLY = Math.exp(-1 / 8)
/** Longer memory for what changes slowly: the speed of links and encoders. */
const KEEP_SLOWLY = Math.exp(-1 / 300)

export interface ClassSums {
  n: number
  raw: number
  out: number
  transferMs: number
  cpuMs: number
  /** In the window just read. */
  flowing: number
}

/** An upstream that is faster alone counts as one that takes this long: a wait so short needs neither order nor limit. */
const UNNOTICED_MS = 10

export class RouteMemory {
  readonly id: string
  readonly upstream: string
  readonly goal: Goal
  readonly weight: number
  readonly idempotent: boolean
  readonly contentType: string
  readonly #byCrowding = new MedianRings(CROWDINGS, CROWDING_RING)
  /** Times of attempts that were answered. */
  readonly recent = new LazyRing(RECENT_RING)
  readonly classes = new Map<string, ClassSums>()
  /** Fading sums of first attempts, further attempts, hedges. */
  readonly counts = { first: 0, firstFailed: 0, firstTimedOut: 0, again: 0, againOk: 0 }
  /** The same of first attempts, over some ten seconds. */
  readonly lately = { first: 0, firstFailed: 0 }
  /** Never fading. */
  readonly hedges = { made: 0, won: 0, asked: 0 }
  /** Requests of the window that ended without an answer, and not because they were given no place. */
  gaveUp = 0
  /** Requests that have come and not ended. */
  open = 0
  readonly #came = { n: 0, windows: 0 }
  #baselineMs: number | null = null
  /** Seen with half as many at once as the limit lets in, or found not to be faster: what alone means is more than a guess. */
  isKnown = false
  /** What attempts are compared with in this look: `aloneMs` when it began; 0 = not yet. */
  yardstickMs = 0
  /** Attempts of this look that were. */
  compared = 0
  revalidated = 0
  changed = 0
  longestOkMs = 0

  constructor(meta: RouteMeta) {
    this.id = meta.id
    this.upstream = meta.upstream
    const goodMs = amount(meta.slo?.goodMs, DEFAULT_GOAL.goodMs)
    const badMs = amount(meta.slo?.badMs, DEFAULT_GOAL.badMs)
    this.goal = { goodMs, badMs: Math.max(goodMs + 1, badMs) }
    this.weight = amount(meta.weight, 1)
    this.idempotent = meta.idempotent !== false
    this.contentType = typeof meta.contentType === 'string' ? meta.contentType : ''
  }

  /** So many at once, or fewer, have run with enough attempts; infinite before. */
  get leastCrowd(): number {
    for (let level = 0; level < CROWDINGS; level++) {
      if (this.#byCrowding.countOf(level) >= CROWDING_ENOUGH) return 2 ** level
    }
    return Number.POSITIVE_INFINITY
  }

  /** Time of an attempt with nobody beside it, as far as is known; 0 = unknown. The least crowded times count. */
  get baselineMs(): number {
    this.#baselineMs ??= this.#leastMedian()
    return this.#baselineMs
  }

  /** What attempts are compared with; 0 = unknown. */
  get aloneMs(): number {
    const { baselineMs } = this
    return baselineMs === 0 ? 0 : Math.max(baselineMs, UNNOTICED_MS)
  }

  #leastMedian(): number {
    let least = 0
    for (let level = 0; level < CROWDINGS; level++) {
      if (this.#byCrowding.countOf(level) < CROWDING_ENOUGH) continue
      // Crowded ones hardly ever have it: those need no median of their own.
      if (least === 0 || this.#byCrowding.isMedianBelow(level, least)) least = this.#byCrowding.medianOf(level)
    }
    return least
  }

  /** The upstream has become slower or faster as a whole: by so much against `aloneMs`. */
  rebase(factor: number): void {
    const { baselineMs, aloneMs } = this
    const scale = baselineMs === 0 ? factor : (factor * aloneMs) / baselineMs
    this.#byCrowding.scale(scale)
    this.#baselineMs = null
  }

  readAttempt({ ms, kind, inflight, try: number, hedge }: AttemptSample): void {
    if (hedge) return
    const isOk = kind === 'ok'
    const isFirst = !(amount(number, 1) > 1)
    if (isFirst) {
      const { counts, lately } = this
      counts.first++
      lately.first++
      if (!isOk) this.#firstFailed(kind)
    } else if (kind !== 'connect') {
      this.counts.again++
      if (isOk) this.counts.againOk++
    }
    if (!isOk || !isTime(ms)) return
    this.recent.push(ms)
    if (ms > this.longestOkMs) this.longestOkMs = ms
    const crowding = Math.min(CROWDINGS - 1, 32 - Math.clz32(Math.max(1, amount(inflight, 1)) - 1))
    this.#byCrowding.push(crowding, ms)
  }

  #firstFailed(kind: AttemptSample['kind']): void {
    if (kind !== 'connect') {
      this.counts.firstFailed++
      this.lately.firstFailed++
    }
    if (kind === 'timeout') this.counts.firstTimedOut++
  }

  /** Lets the sums fade, then adds the window's. */
  readWindow(window: RouteWindow | undefined): void {
    const { counts } = this
    counts.first *= KEEP
    counts.firstFailed *= KEEP
    counts.firstTimedOut *= KEEP
    counts.again *= KEEP
    counts.againOk *= KEEP
    this.revalidated = this.revalidated * KEEP_SLOWLY + amount(window?.revalidated)
    this.changed = this.changed * KEEP_SLOWLY + amount(window?.changed)
    this.lately.first *= KEEP_BRIEFLY
    this.lately.firstFailed *= KEEP_BRIEFLY
    this.gaveUp = Math.max(0, amount(window?.fail) - amount(window?.shed))
    this.open = Math.max(0, this.open + amount(window?.arrivals) - amount(window?.ok) - amount(window?.fail))
    this.#came.n = this.#came.n * KEEP + amount(window?.arrivals)
    this.#came.windows = this.#came.windows * KEEP + 1
    this.hedges.asked += amount(window?.arrivals)
    this.hedges.made += amount(window?.hedges)
    this.hedges.won += amount(window?.hedgeWins)
    this.#baselineMs = null
    this.classes.forEach(fade)
    this.#readClasses(window?.byClass)
  }

  /** Windows that a request is open, by Little's law; more where they have become many of late. */
  get openFor(): number {
    return this.#came.n === 0 ? 0 : (this.open * this.#came.windows) / this.#came.n
  }

  /** Share of first attempts that fail: the last minute's, or the last seconds' where that is more. */
  get failing(): number {
    const { counts, lately } = this
    const brief = lately.first >= 20 ? lately.firstFailed / lately.first : 0
    return Math.max(brief, counts.firstFailed / Math.max(1, counts.first))
  }

  #readClasses(byClass: RouteWindow['byClass']): void {
    if (typeof byClass !== 'object' || byClass === null || Array.isArray(byClass)) return
    for (const cls in byClass) if (Object.hasOwn(byClass, cls)) this.#readClass(cls, byClass[cls] as ClassWindow)
  }

  #readClass(cls: string, read: ClassWindow): void {
    const n = amount(read?.n)
    if (n === 0) return
    let sums = this.classes.get(cls)
    if (sums === undefined) {
      if (this.classes.size >= MOST_CLASSES) return
      sums = { n: 0, raw: 0, out: 0, transferMs: 0, cpuMs: 0, flowing: 0 }
      this.classes.set(cls, sums)
    }
    sums.n += n
    sums.raw += amount(read.raw)
    sums.out += amount(read.bytesOut)
    sums.transferMs += amount(read.transferMs)
    sums.cpuMs += amount(read.cpuWork, amount(read.cpuMs))
    sums.flowing += amount(read.transferMs) * (1 - KEEP_SLOWLY)
  }
}

function fade(sums: ClassSums): void {
  sums.n *= KEEP_SLOWLY
  sums.raw *= KEEP_SLOWLY
  sums.out *= KEEP_SLOWLY
  sums.transferMs *= KEEP_SLOWLY
  sums.cpuMs *= KEEP_SLOWLY
  sums.flowing *= KEEP_SLOWLY
}
