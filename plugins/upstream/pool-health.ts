/**
 * The health of one origin where it is used: fed by its attempts, dials and probes, read by the choice of an origin, told
 * to whoever listens.
 */
import type { Channel } from '../contract/index.ts'
import type { Connector } from './connector.ts'
import { type FailureKind, isUpstreamFailure } from './errors.ts'
import { isOutlier, PeakLatency } from './health/latency.ts'
import { connectKinds, type EjectReason, type HealthState, OriginHealth } from './health/origin-health.ts'
import { nextProbeDelayMs, PROBE_FAILURES, type ProbeOptions, probeOrigin } from './health/probe.ts'
import type { OriginAddress } from './origin-address.ts'

/** A change of an origin's state. */
export interface HealthEvent {
  readonly upstream: string
  readonly origin: string
  readonly state: HealthState
  /** Why it was left out; null where it was not. */
  readonly reason: EjectReason | null
}

export interface HealthSetup {
  readonly upstream: string
  readonly address: OriginAddress
  readonly connector: Connector
  readonly events: Channel<HealthEvent>
  /** Another origin of the group is well: this one may be left out for more than refusing. */
  hasOther(): boolean
  onChange(state: HealthState, reason: EjectReason | null): void
}

/** An origin that was left out gets its share back over this time, from a tenth of it on. */
export const SLOW_START_MS = 10_000
const SLOW_START_SHARE = 0.1
/** So long one request has to try an origin before the next may. */
const TRIAL_MS = 2_000
/** Statuses by which a gateway or an app says that it cannot serve. */
const failingStatuses: ReadonlySet<number> = new Set([502, 503, 504])

export class PoolHealth {
  readonly latency = new PeakLatency()
  readonly #setup: HealthSetup
  readonly #health: OriginHealth
  #probe: ProbeOptions | null
  #nextProbeMs = 0
  #failedProbes = 0
  #isProbing = false
  #wasRefused = false
  #triedUntilMs = 0

  constructor(setup: HealthSetup, ejectMs: number, probe: ProbeOptions | null) {
    this.#setup = setup
    this.#health = new OriginHealth(ejectMs)
    this.#probe = probe
  }

  configure(ejectMs: number, probe: ProbeOptions | null): void {
    this.#health.ejectMs = ejectMs
    this.#probe = probe
  }

  stateAt(nowMs: number): HealthState {
    return this.#health.stateAt(nowMs)
  }

  isAvoided(nowMs: number): boolean {
    const state = this.#health.stateAt(nowMs)
    return state === 'ejected' || (state === 'half-open' && nowMs < this.#triedUntilMs)
  }

  /** The share of its weight that it gets now. */
  shareAt(nowMs: number): number {
    const { recoveredMs } = this.#health
    if (recoveredMs === 0 || nowMs - recoveredMs >= SLOW_START_MS) return 1
    return Math.max(SLOW_START_SHARE, (nowMs - recoveredMs) / SLOW_START_MS)
  }

  /** It was chosen: when it is half-open this is the one request that tries it. */
  chosen(nowMs: number): void {
    if (this.#health.untilMs === 0 || this.stateAt(nowMs) !== 'half-open' || nowMs < this.#triedUntilMs) return
    this.#triedUntilMs = nowMs + TRIAL_MS
    this.#tell('half-open', null)
  }

  /** A connection was opened. What is asked on it may still fail, so that alone ends only a refusal. */
  connected(nowMs: number): void {
    if (this.#health.untilMs !== 0 && this.#wasRefused) this.#recover(nowMs)
  }

  answered(status: number, headMs: number, nowMs: number): void {
    this.latency.note(headMs, nowMs)
    if (failingStatuses.has(status)) this.failed('status', nowMs)
    else this.#recover(nowMs)
  }

  /** A connection could not be opened. */
  unreached(error: Error | null, nowMs: number): void {
    this.failed(isUpstreamFailure(error) ? error.kind : 'unreachable', nowMs)
  }

  failed(kind: FailureKind | 'status', nowMs: number): void {
    this.#triedUntilMs = 0
    const isConnect = kind !== 'status' && connectKinds.has(kind)
    if (!isConnect && !this.#setup.hasOther()) return
    const reason = this.#health.failed(kind, nowMs)
    if (reason !== null) this.#ejected(reason)
  }

  /** By the sweep. `fastestMs`: of the origins of the group. */
  sweep(nowMs: number, fastestMs: number): void {
    if (isOutlier(this.latency, fastestMs) && this.#setup.hasOther()) {
      const reason = this.#health.eject('slow', nowMs)
      this.latency.samples = 0
      if (reason !== null) this.#ejected(reason)
    }
    if (this.#probe !== null && nowMs >= this.#nextProbeMs && !this.#isProbing) void this.#ask(this.#probe, nowMs)
  }

  async #ask(probe: ProbeOptions, nowMs: number): Promise<void> {
    this.#isProbing = true
    const isWell = await probeOrigin(this.#setup.connector, this.#setup.address, probe)
    this.#isProbing = false
    this.#nextProbeMs = nowMs + nextProbeDelayMs(probe, Math.random())
    const now = performance.now()
    if (isWell) {
      this.#failedProbes = 0
      return this.#recover(now)
    }
    if (++this.#failedProbes < PROBE_FAILURES || !this.#setup.hasOther()) return
    const reason = this.#health.eject('probe', now)
    if (reason !== null) this.#ejected(reason)
  }

  #recover(nowMs: number): void {
    this.#wasRefused = false
    this.#triedUntilMs = 0
    if (this.#health.succeeded(nowMs)) this.#tell('healthy', null)
  }

  #ejected(reason: EjectReason): void {
    this.#wasRefused = reason === 'connect'
    this.#tell('ejected', reason)
  }

  #tell(state: HealthState, reason: EjectReason | null): void {
    this.#setup.onChange(state, reason)
    const { events, upstream, address } = this.#setup
    if (events.isHeard) events.tell({ upstream, origin: address.url, state, reason })
  }
}
