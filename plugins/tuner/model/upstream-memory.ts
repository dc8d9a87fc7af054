/**
 * What is remembered of an upstream, the shared resource: how crowded it was since the last look, how much slower that
 * made its routes, and how much it finished.
 */
import type { AttemptSample, UpstreamWindow } from '../types.ts'
import { LazyRing } from './lazy-ring.ts'
import { amount, isTime } from './numbers.ts'
import type { RouteMemory } from './route-memory.ts'

/** Ratios that one look is made from; more are not kept. */
const MOST_RATIOS = 200
/** Share of a window with waiting requests from which on the limit counts as in full use. */
const SATURATED = 0.3

/** What has been seen since the last decision. */
export interface Look {
  windows: number
  /** Windows in which requests waited for the limit, and what was finished in them. */
  saturated: number
  doneSaturated: number
  done: number
  failed: number
  inflight: number
  /** Most at once. */
  peak: number
  ratios: LazyRing
}

const newLook = (ratios: LazyRing): Look => ({
  windows: 0,
  saturated: 0,
  doneSaturated: 0,
  done: 0,
  failed: 0,
  inflight: 0,
  peak: 0,
  ratios,
})

/** The window just read, as plain numbers. */
export interface Now {
  arrivals: number
  attempts: number
  ok: number
  failed: number
  connectErr: number
  inflightAvg: number
  inflightMax: number
  queueNow: number
  queueMax: number
  limited: number
  waitedForSocket: number
  /** The limit that admission has found in the first crowd and holds to; 0 = none. */
  foundAtFirst: number
  /** How long the answers of that crowd take alone, each compared with its own kind; 0 = unknown. */
  aloneAtFirstMs: number
}

export class UpstreamMemory {
  readonly id: string
  readonly routes: RouteMemory[] = []
  look = newLook(new LazyRing(MOST_RATIOS))
  readonly now: Now = {
    arrivals: 0,
    attempts: 0,
    ok: 0,
    failed: 0,
    connectErr: 0,
    inflightAvg: 0,
    inflightMax: 0,
    queueNow: 0,
    queueMax: 0,
    limited: 0,
    waitedForSocket: 0,
    foundAtFirst: 0,
    aloneAtFirstMs: 0,
  }
  /** How much slower than alone attempts are; 1 until something is known. */
  ratio = 1
  /** Finished a second, fading over ten seconds. */
  rate = 0
  /** Windows without traffic. */
  idle = 0
  /** Windows that the rate is the mean of, until it forgets. */
  #seen = 0

  constructor(id: string) {
    this.id = id
  }

  /** From now on only what follows counts. The ring is used again: a new one a look would be most of what is allocated. */
  lookAgain(): void {
    for (const route of this.routes) route.yardstickMs = 0
    this.lookOn()
  }

  /** The same, measured by what alone meant before: what a step has changed must not move the measure. */
  lookOn(): void {
    for (const route of this.routes) route.compared = 0
    this.look.ratios.clear()
    this.look = newLook(this.look.ratios)
  }

  readWindow(window: UpstreamWindow | undefined): void {
    const { now } = this
    readNow(now, window)
    this.idle = now.arrivals + now.attempts + now.ok + now.inflightMax > 0 ? 0 : this.idle + 1
    this.#seen = Math.min(10, this.#seen + 1)
    this.rate += (now.ok - this.rate) / this.#seen
    const { look } = this
    look.windows++
    if (now.limited > SATURATED) {
      look.saturated++
      look.doneSaturated += now.ok
    }
    look.done += now.ok
    look.failed += now.failed
    look.inflight += now.inflightAvg
    look.peak = Math.max(look.peak, now.inflightMax)
  }

  /** `limit`: attempts that began while more ran belong to an earlier limit. */
  readAttempt({ kind, ms, inflight, hedge }: AttemptSample, route: RouteMemory, limit: number): void {
    if (kind !== 'ok' || hedge || !isTime(ms) || amount(inflight, 1) > limit + 1) return
    if (route.yardstickMs === 0) route.yardstickMs = route.aloneMs
    if (route.yardstickMs === 0) return
    this.look.ratios.push(ms / route.yardstickMs)
    route.compared++
  }

  get isSaturated(): boolean {
    return this.now.limited > SATURATED
  }
}

/** Written over in each window: a new record an upstream would be much of what is allocated. */
function readNow(now: Now, window: UpstreamWindow | undefined): void {
  const isWaiting = amount(window?.queueAvg) > 0.5 || amount(window?.shed) > 0
  now.arrivals = amount(window?.arrivals)
  now.attempts = amount(window?.attempts)
  now.ok = amount(window?.ok)
  now.connectErr = amount(window?.connectErr)
  now.failed = amount(window?.err5xx) + now.connectErr + amount(window?.timeouts)
  now.inflightAvg = amount(window?.inflightAvg)
  now.inflightMax = amount(window?.inflightMax)
  now.queueNow = amount(window?.queueNow)
  now.queueMax = amount(window?.queueMax)
  now.limited = amount(window?.limitedFrac, isWaiting ? 1 : 0)
  now.waitedForSocket = amount(window?.waitedForSocket)
  now.foundAtFirst = amount(window?.foundAtFirst)
  now.aloneAtFirstMs = amount(window?.aloneAtFirstMs)
}
