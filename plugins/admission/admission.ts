/**
 * Admission of one app: which group of origins has which limiter. Groups that point at the same origins share one, since
 * it is the origin that is weak, not the route.
 */
import type { Contract } from '../contract/index.ts'
import type { Dispatch, Upstreams } from '../upstream/index.ts'
import { Bandwidth, type GroupRates } from './bandwidth/bandwidth.ts'
import { Lane } from './lane.ts'
import { LimitFinder, type LimitMode, type LimitReason } from './limit-finder.ts'
import { type CallerOf, Limiter } from './limiter.ts'
import type { LaneOptions } from './options.ts'
import { LaneCounters } from './signals.ts'
import { Slot } from './slot.ts'
import { TUNABLE_NAMES, tunablesOf } from './tunables.ts'

/** How often those who wait are looked at, while somebody waits. */
const LATE_CHECK_MS = 50

/** One group of origins now. */
export interface LaneSnapshot {
  readonly upstream: string
  /** Null = no limit. */
  readonly limit: number | null
  readonly mode: LimitMode | 'none'
  /** Why the limit is what it is, of the last step; null where nothing moves it. */
  readonly reason: LimitReason | null
  readonly inFlight: number
  readonly waiting: number
  readonly held: number
  readonly isOverloaded: boolean
}

export interface AdmissionSetup {
  readonly contract: Contract
  readonly upstreams: Upstreams
  readonly callerOf: CallerOf
}

export class Admission {
  readonly bandwidth: Bandwidth
  readonly #setup: AdmissionSetup
  readonly #limiters = new Map<string, Limiter>()
  /** Null = a group without a limit. */
  readonly #lanes = new Map<string, Lane | null>()
  #defaults: LaneOptions
  #options: Readonly<Record<string, LaneOptions>> = {}
  #lateCheck: NodeJS.Timeout | null = null

  constructor(setup: AdmissionSetup, defaults: LaneOptions) {
    this.#setup = setup
    this.#defaults = defaults
    this.bandwidth = new Bandwidth({ ...defaults.bandwidth, priority: defaults.priority })
  }

  /**
   * What holds from now on, by the name of the group. Requests that run or wait stay where they are.
   * To be called after the groups of `app.upstream` have changed. `uplink` in bytes per second, null = not stated.
   */
  apply(options: Readonly<Record<string, LaneOptions>>, uplink: number | null): void {
    this.#options = options
    for (const [name, lane] of this.#lanes) this.#refresh(name, lane)
    // Before its first request, so that a tuner knows what is configured.
    for (const name of Object.keys(options)) this.#laneOf(name)
    this.#configureLimiters()
    this.bandwidth.apply(ratesOf(this.#options), uplink)
  }

  /** In front of the pools. */
  intercept(next: Dispatch): Dispatch {
    return (upstream, request, handler) => {
      const lane = this.#laneOf(upstream)
      if (lane === null) return next(upstream, request, handler)
      const slot = new Slot(lane, request, handler, next)
      lane.limiter.enter(slot)
      return slot
    }
  }

  *snapshot(): Iterable<LaneSnapshot> {
    for (const [upstream, lane] of this.#lanes) {
      if (lane === null) continue
      const { inFlight, waiting, held, limiter } = lane
      const { limit, finder, shedder } = limiter
      const { mode, reason } = finder
      yield { upstream, limit, mode, reason, inFlight, waiting, held, isOverloaded: shedder.isOverloaded }
    }
  }

  sweep(nowMs: number): void {
    for (const limiter of this.#limiters.values()) limiter.sweep(nowMs)
  }

  /** Refuses whoever still waits. */
  close(): void {
    this.bandwidth.close()
    if (this.#lateCheck !== null) clearInterval(this.#lateCheck)
    this.#lateCheck = null
    for (const limiter of this.#limiters.values()) {
      for (const slot of [...limiter.room.items()]) if (limiter.leave(slot)) limiter.shedder.shed(slot, 'queue-timeout')
    }
  }

  #laneOf(upstream: string): Lane | null {
    const known = this.#lanes.get(upstream)
    if (known !== undefined) return known
    if (!this.#setup.upstreams.has(upstream)) return null
    return this.#open(upstream)
  }

  #optionsOf(upstream: string): LaneOptions {
    return this.#options[upstream] ?? this.#defaults
  }

  #open(upstream: string): Lane | null {
    const options = this.#optionsOf(upstream)
    const lane = options.maxConcurrency === 'none' ? null : this.#makeLane(upstream, options)
    this.#lanes.set(upstream, lane)
    if (lane !== null) this.#declareTunables(lane)
    return lane
  }

  #makeLane(upstream: string, options: LaneOptions): Lane {
    const limiter = this.#limiterAt(this.#originsOf(upstream), options)
    const { contract, upstreams } = this.#setup
    const count = new LaneCounters(contract.signals, upstream)
    const lane = new Lane(upstream, options, limiter, { count, hold: () => upstreams.hold(upstream) })
    limiter.lanes.push(lane)
    configure(limiter)
    return lane
  }

  #limiterAt(key: string, { maxConcurrency, maxLimit }: LaneOptions): Limiter {
    const known = this.#limiters.get(key)
    if (known !== undefined) return known
    const finder = new LimitFinder(typeof maxConcurrency === 'number' ? maxConcurrency : null, maxLimit)
    const limiter = new Limiter(key, finder, this.#setup.callerOf, () => this.#watchLate())
    this.#limiters.set(key, limiter)
    return limiter
  }

  #originsOf(upstream: string): string {
    const { pools } = this.#setup.upstreams.group(upstream)
    return pools
      .map(({ address }) => address.url)
      .toSorted()
      .join(' ')
  }

  /** A changed group goes on with its lane where it still points at the same origins. */
  #refresh(name: string, lane: Lane | null): void {
    const isThere = this.#setup.upstreams.has(name)
    const options = this.#optionsOf(name)
    if (lane === null || !isThere || options.maxConcurrency === 'none' || lane.limiter.key !== this.#originsOf(name)) {
      this.#lanes.delete(name)
      if (lane !== null) this.#retire(lane)
      return
    }
    lane.configure(options)
    this.#declareTunables(lane)
  }

  /** Its requests give their places back to the limiter that they have them from. */
  #retire(lane: Lane): void {
    const { limiter } = lane
    limiter.lanes.splice(limiter.lanes.indexOf(lane), 1)
    lane.count.forget()
    for (const name of TUNABLE_NAMES) this.#setup.contract.tunables.drop(lane.name, name)
    if (limiter.lanes.length === 0) this.#limiters.delete(limiter.key)
  }

  #configureLimiters(): void {
    for (const limiter of this.#limiters.values()) configure(limiter)
  }

  /** One timer for all who wait, and none while nobody does. */
  #watchLate(): void {
    this.#lateCheck ??= setInterval(() => {
      const now = performance.now()
      let waiting = 0
      for (const limiter of this.#limiters.values()) {
        if (limiter.room.size > 0) limiter.shedder.shedLate(now)
        waiting += limiter.room.size
      }
      if (waiting > 0 || this.#lateCheck === null) return
      clearInterval(this.#lateCheck)
      this.#lateCheck = null
    }, LATE_CHECK_MS).unref()
  }

  #declareTunables(lane: Lane): void {
    for (const tunable of tunablesOf(lane)) this.#setup.contract.tunables.declare(tunable)
  }
}

function ratesOf(options: Readonly<Record<string, LaneOptions>>): ReadonlyMap<string, GroupRates> {
  const rates = Object.entries(options).map(
    ([name, { bandwidth, priority }]) => [name, { ...bandwidth, priority }] as const,
  )
  return new Map(rates)
}

/** The least that one of the groups allows; `auto` is bounded by what the widest of them allows. */
function configure({ lanes, finder }: Limiter): void {
  const fixed = lanes.map(({ options }) => options.maxConcurrency).filter(limit => typeof limit === 'number')
  const max = Math.max(...lanes.map(({ options }) => options.maxLimit))
  finder.configure(fixed.length === 0 ? null : Math.min(...fixed), max)
}
