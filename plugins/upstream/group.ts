/**
 * A named group of origins: chooses one for each attempt, owns their pools, takes changed options live.
 */
import {
  type AttemptRecord,
  type Channel,
  clampToBounds,
  type Journal,
  type Signals,
  type SignalValue,
  type Tunables,
} from '../contract/index.ts'
import { chooseOrigin } from './balance.ts'
import { Connector, type Transport } from './connector.ts'
import type { Crowds } from './crowds.ts'
import { type FailureKind, upstreamFailure } from './errors.ts'
import type { ExchangeHandler, ExchangeRequest } from './exchange.ts'
import type { ExchangeHost } from './exchange-host.ts'
import { distinct, limitsOf, probeOf, transportKey } from './group-parts.ts'
import { Circuit } from './health/circuit.ts'
import type { UpstreamGroupOptions } from './options.ts'
import { parseOrigin } from './origin-address.ts'
import { OriginPool } from './pool.ts'
import { type HealthEvent, PoolHealth } from './pool-health.ts'
import { PoolCounters } from './pool-signals.ts'
import type { Resolver } from './resolver.ts'
import { RunningExchange } from './running-exchange.ts'

/** What groups of one app share. */
export interface GroupSurroundings {
  readonly resolver: Resolver
  readonly signals: Signals
  readonly tunables: Tunables
  readonly journal: Journal
  readonly crowds: Crowds
  /** Told of each change of an origin's health. */
  readonly health: Channel<HealthEvent>
}

/** A transport connection lent to somebody who speaks on it alone (a WebSocket tunnel). */
export interface LentTransport {
  readonly socket: Transport
  /** The origin's URL as configured. */
  readonly origin: string
  /** Gives the place back; the socket is the borrower's to close. */
  release(): void
}

export class UpstreamGroup implements ExchangeHost {
  readonly name: string
  headTimeoutMs: number
  idleTimeoutMs: number
  #options: UpstreamGroupOptions
  #pools: OriginPool[] = []
  /** Pools of origins that a reload has taken away, until their last request is done. */
  readonly #leaving = new Set<OriginPool>()
  readonly #around: GroupSurroundings
  readonly #circuit = new Circuit()
  readonly #circuitGauge: SignalValue

  constructor(name: string, options: UpstreamGroupOptions, around: GroupSurroundings) {
    this.name = name
    this.#around = around
    this.#circuitGauge = around.signals
      .gauge('upstream_circuit_open', '1 while requests are refused, since the origins did not answer.', 'upstream')
      .with(name)
    this.#options = options
    this.headTimeoutMs = options.headTimeoutMs
    this.idleTimeoutMs = options.idleTimeoutMs
    this.#pools = distinct(options.origins).map(([url, weight]) => this.#makePool(url, weight))
    this.#declareTunables()
  }

  get originCount(): number {
    return this.#pools.length
  }

  /** An origin may refuse what it has got bytes of, and say so (RFC 9113 §8.7). */
  get maySpeakHttp2(): boolean {
    const { http2 } = this.#options
    return this.#pools.some(({ address: { protocol } }) => protocol === 'h2c' || (http2 && protocol === 'https'))
  }

  get pools(): readonly OriginPool[] {
    return this.#pools
  }

  /** Requests run on its origins, or wait for a connection. */
  get isBusy(): boolean {
    return this.#pools.some(pool => pool.inFlight > 0 || pool.pending > 0)
  }

  get isDone(): boolean {
    return this.#leaving.size === 0 && this.#pools.every(pool => pool.isDone)
  }

  /** Sends one request; `handler` sees one controller and one outcome, whatever number of attempts that takes. */
  dispatch(request: ExchangeRequest, handler: ExchangeHandler): RunningExchange {
    const exchange = new RunningExchange(this, request, handler)
    if (this.#circuit.admit(performance.now(), request.path) > 0) exchange.refuse('circuitOpen')
    else exchange.start()
    return exchange
  }

  assign(exchange: RunningExchange): boolean {
    const { avoid, balanceKey } = exchange.request
    const pool = this.#choose(exchange.tried, avoid, balanceKey)
    if (pool === null) return false
    if (this.#pools.length > 1) {
      exchange.tried ??= new Set()
      exchange.tried.add(pool)
    }
    pool.take(exchange)
    return true
  }

  /**
   * A fresh HTTP/1.1 transport to one of the origins, moving on to the next when one cannot be reached.
   * @throws UpstreamFailure when none can.
   */
  async connect(): Promise<LentTransport> {
    const tried = new Set<OriginPool>()
    let failure: unknown = upstreamFailure('noOrigin', true)
    for (;;) {
      const pool = this.#choose(tried, undefined, undefined)
      if (pool === null) throw failure
      tried.add(pool)
      try {
        const socket = await pool.tunnels.lend()
        return { socket, origin: pool.address.url, release: onceOnly(() => pool.tunnels.returned()) }
      } catch (error) {
        failure = error
      }
    }
  }

  /** Requests wait for a connection. */
  get hasWaiting(): boolean {
    return this.#pools.some(pool => pool.pending > 0)
  }

  /** Opens a connection to each origin and keeps it; true as soon as one is open, false when none could be. */
  reach(): Promise<boolean> {
    return Promise.any(this.#pools.map(pool => pool.reach())).then(
      () => {
        this.answered()
        return true
      },
      () => false,
    )
  }

  /** An origin has answered, or taken a connection. */
  answered(): void {
    if (this.#circuit.succeeded()) this.#circuitGauge.set(0)
  }

  failed(kind: FailureKind, target: string): void {
    if (this.#circuit.failed(kind, performance.now(), target)) this.#circuitGauge.set(1)
  }

  get attempts(): Channel<AttemptRecord> {
    return this.#around.journal.attempts
  }

  /** Applies changed options: kept origins keep their connections, new limits count for requests that wait. */
  reconfigure(options: UpstreamGroupOptions): void {
    const before = this.#options
    this.#options = options
    this.headTimeoutMs = options.headTimeoutMs
    this.idleTimeoutMs = options.idleTimeoutMs
    const sameTransport = transportKey(before) === transportKey(options)
    const old = new Map(this.#pools.map(pool => [pool.address.url, pool]))
    this.#pools = distinct(options.origins).map(([url, weight]) => {
      const kept = sameTransport ? old.get(url) : undefined
      if (kept === undefined) return this.#makePool(url, weight)
      old.delete(url)
      kept.weight = weight
      kept.health.configure(options.ejectTimeMs, probeOf(options))
      Object.assign(kept.limits, limitsOf(options))
      kept.limitsChanged()
      return kept
    })
    for (const pool of old.values()) this.#retire(pool)
    this.#declareTunables()
  }

  sweep(nowMs: number): void {
    const fastestMs = fastestOf(this.#pools)
    for (const pool of this.#pools) {
      pool.sweep(nowMs)
      pool.health.sweep(nowMs, fastestMs)
    }
    for (const pool of this.#leaving) {
      pool.sweep(nowMs)
      if (!pool.isDone) continue
      this.#leaving.delete(pool)
      this.#around.crowds.leave(pool.address.url)
      if (!this.#pools.some(({ address }) => address.url === pool.address.url)) pool.forget()
    }
  }

  /** Serves what has begun, takes nothing new. */
  retire(): void {
    for (const pool of this.#pools) this.#retire(pool)
    this.#pools = []
    this.#around.tunables.dropScope(this.name)
  }

  destroy(): void {
    for (const pool of [...this.#pools, ...this.#leaving]) pool.destroy()
  }

  #retire(pool: OriginPool): void {
    pool.retire()
    this.#leaving.add(pool)
  }

  #makePool(url: string, weight: number): OriginPool {
    const address = parseOrigin(url)
    const { connectTimeoutMs, tcpNodelay, http2, tls, client, keepAlive } = this.#options
    const connector = new Connector(address, { connectTimeoutMs, tcpNodelay, http2, tls }, this.#around.resolver)
    const counters = new PoolCounters(this.#around.signals, this.name, url)
    const setup = {
      upstream: this.name,
      address,
      connector,
      events: this.#around.health,
      hasOther: () => this.#pools.some(other => other.address.url !== url && !other.isAvoided(performance.now())),
      onChange: counters.health.bind(counters),
    }
    const health = new PoolHealth(setup, this.#options.ejectTimeMs, probeOf(this.#options))
    const crowd = this.#around.crowds.join(url)
    const poolSetup = { address, connector, client, keepAlive, counters, health, crowd }
    return new OriginPool(poolSetup, limitsOf(this.#options), weight)
  }

  #choose(tried: ReadonlySet<unknown> | null, avoid: ReadonlySet<string> | undefined, key: string | undefined) {
    const { balance: policy } = this.#options
    return chooseOrigin(this.#pools, { policy, tried, avoid, key, nowMs: performance.now(), random: Math.random })
  }

  #declareTunables(): void {
    const scope = this.name
    const configured = this.#options.maxSize
    const bounds = { min: 1, max: Math.max(configured, 256), step: 1 }
    this.#around.tunables.declare({
      name: 'upstream.max_size',
      scope,
      unit: 'count',
      ...bounds,
      configured,
      get: () => this.#pools[0]?.limits.maxSize ?? configured,
      set: value => {
        for (const pool of this.#pools) {
          pool.limits.maxSize = clampToBounds(bounds, value)
          pool.limitsChanged()
        }
      },
    })
  }
}

/** Average time of the fastest origin that has answered. */
function fastestOf(pools: readonly OriginPool[]): number {
  let fastestMs = Number.POSITIVE_INFINITY
  for (const { latencyMs } of pools) if (latencyMs > 0 && latencyMs < fastestMs) fastestMs = latencyMs
  return fastestMs
}

function onceOnly(action: () => void): () => void {
  let isDone = false
  return () => {
    if (isDone) return
    isDone = true
    action()
  }
}
