/**
 * The connections to one origin: lends, takes back, closes, and asks for more (dialer.ts). The least recently used idle connection goes
 * first out, the most recently used first to work; waiting requests stand in one bounded line.
 */
import { Bag } from '../contract/index.ts'
import type { Candidate } from './balance.ts'
import { ConnectionShelf } from './connection-shelf.ts'
import type { Crowd } from './crowds.ts'
import { Dialer, type DialSetup } from './dialer.ts'
import { type FailureKind, upstreamFailure } from './errors.ts'
import type { ConnectionEvents, OriginConnection } from './exchange.ts'
import type { ExchangePool } from './exchange-host.ts'
import type { OriginAddress } from './origin-address.ts'
import type { PoolHealth } from './pool-health.ts'
import type { PoolLimits } from './pool-limits.ts'
import type { RunningExchange } from './running-exchange.ts'
import { TunnelLending } from './tunnel-lending.ts'
import { Upkeep, type UpkeepSetup } from './upkeep.ts'
import { WaitingLine } from './waiting-line.ts'

type PoolSetup = DialSetup & UpkeepSetup & { readonly crowd: Crowd }

export class OriginPool implements Candidate, ConnectionEvents, ExchangePool {
  readonly address: OriginAddress
  weight: number
  credit = 0
  inFlight = 0
  readonly tunnels: TunnelLending
  readonly limits: PoolLimits
  readonly health: PoolHealth
  readonly #setup: PoolSetup
  readonly #shelf: ConnectionShelf
  readonly #waiting = new WaitingLine()
  readonly #running = new Bag<RunningExchange>()
  readonly #dialer: Dialer
  readonly #upkeep: Upkeep
  /** Exchanges whose client did not read at the last look. */
  #stalled = 0
  #isRetired = false

  constructor(setup: PoolSetup, limits: PoolLimits, weight: number) {
    this.address = setup.address
    this.weight = weight
    this.limits = limits
    this.health = setup.health
    this.#shelf = new ConnectionShelf(limits)
    this.#setup = setup
    this.#dialer = new Dialer(setup, this)
    this.#upkeep = new Upkeep(setup, this.#shelf, limits)
    this.tunnels = new TunnelLending(this.#dialer, setup.health)
  }

  get open(): number {
    return this.#shelf.size
  }

  get idle(): number {
    return this.#shelf.idle
  }

  get latencyMs(): number {
    return this.health.latency.ms
  }

  weightAt(nowMs: number): number {
    return this.weight * this.health.shareAt(nowMs)
  }

  isAvoided(nowMs: number): boolean {
    return this.health.isAvoided(nowMs)
  }

  /** Attempts that run at its origin, those of other groups included. */
  get crowding(): number {
    return this.#setup.crowd.inFlight
  }

  get pending(): number {
    return this.#waiting.length
  }

  get isDone(): boolean {
    return this.#isRetired && this.#shelf.size === 0 && this.#running.size === 0 && this.#waiting.length === 0
  }

  /** Runs the exchange on a kept connection, or lets it wait for one; may fail it at once when the line is full. */
  take(exchange: RunningExchange): void {
    exchange.pool = this
    const now = performance.now()
    this.health.chosen(now)
    const connection = this.#waiting.length === 0 ? this.#shelf.pick(now, exchange) : null
    if (connection !== null) return this.#lend(connection, exchange, now)
    const soonServed = (this.#dialer.opening + this.#room()) * this.#dialer.streams
    if (this.#waiting.length >= this.limits.queueSize + soonServed) return exchange.fail('full')
    this.#waiting.add(exchange, now)
    this.#openForWaiting()
  }

  /** The exchange no longer waits. */
  leave(exchange: RunningExchange): void {
    this.#waiting.leave(exchange)
  }

  /** The attempt has ended, well (`null`) or not. */
  settle(exchange: RunningExchange, failure: FailureKind | null): void {
    if (this.#running.delete(exchange)) this.#count(-1)
    else this.leave(exchange)
    if (failure === null && exchange.reusedAfterMs > 0) this.#shelf.reused(exchange.reusedAfterMs)
    if (failure !== null && exchange.connection !== null) this.health.failed(failure, performance.now())
    this.#setup.counters.attempt(failure ?? 'ok')
  }

  countAnswer(status: number, headMs: number, nowMs: number): void {
    this.health.answered(status, headMs, nowMs)
    this.#setup.counters.answer(status, headMs)
  }

  // What connections tell.

  onFree(connection: OriginConnection, keepAliveHintMs: number | null): void {
    if (!this.#shelf.kept(connection)) return
    const now = performance.now()
    if (keepAliveHintMs !== null) this.#shelf.hint(keepAliveHintMs)
    const isWanted = !this.#isRetired && this.#setup.keepAlive && this.#placesTaken() <= this.limits.maxSize
    if (!isWanted || this.#shelf.isExpired(connection, now)) return connection.close()
    this.#shelf.putBack(connection, now)
    this.#serveWaiting(now)
  }

  onDraining(connection: OriginConnection): void {
    this.#shelf.withdraw(connection)
    this.#openForWaiting()
  }

  onGone(connection: OriginConnection, idle: boolean): void {
    if (this.#shelf.remove(connection, idle)) this.#openForWaiting()
  }

  // By the plugin's sweep.

  /** Ends what has lasted too long, closes what is old, keeps the asked number of connections warm. */
  sweep(nowMs: number): void {
    this.#checkRunning(nowMs)
    // The first in line wait for a dial, which has its own limit; the others for somebody's end.
    this.#waiting.shedLate(nowMs, this.#dialer.opening * this.#dialer.streams, this.limits.queueTimeoutMs)
    this.#shelf.closeOld(nowMs)
    this.#upkeep.note(nowMs, this.inFlight)
    if (!this.#isRetired && this.#upkeep.wantsOneMore(nowMs, this.#dialer.opening)) this.#openOne(true)
    this.#upkeep.checkAddresses(nowMs)
    this.#setup.counters.sample(this)
  }

  #checkRunning(nowMs: number): void {
    let stalled = 0
    this.#running.visit(exchange => {
      exchange.checkTime(nowMs)
      if (exchange.paused) stalled++
    })
    this.#stalled = this.#dialer.isShared ? 0 : stalled
    this.#openForWaiting()
  }

  /** Closes every idle connection: one of them was found dead, or the limits shrank. */
  closeIdle(): void {
    this.#shelf.closeIdle()
  }

  /** Serves what runs and waits, then ends; used for origins that a reload has removed. */
  retire(): void {
    this.#isRetired = true
    this.closeIdle()
  }

  /** Takes its numbers out of the signals; for a pool that is done. */
  forget(): void {
    this.#setup.counters.forget()
  }

  /** Ends everything at once. */
  destroy(): void {
    this.#isRetired = true
    this.#waiting.failAll()
    for (const connection of this.#shelf.all()) connection.destroy(upstreamFailure('noOrigin', false))
  }

  /** Opens a connection and keeps it for the next request. @throws UpstreamFailure when it cannot. */
  reach(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#openOne(true, error => (error === null ? resolve() : reject(error)))
    return promise
  }

  /** Brings a changed `maxSize` into force, for connections and for requests that wait. */
  limitsChanged(): void {
    if (this.#shelf.size > this.limits.maxSize) this.closeIdle()
    this.#openForWaiting()
  }

  #lend(connection: OriginConnection, exchange: RunningExchange, nowMs: number): void {
    exchange.reusedAfterMs = this.#shelf.use(connection, nowMs)
    this.#running.add(exchange)
    this.#count(1)
    const { holder } = exchange.request
    // HTTP/2 mixes the requests of many clients on one connection, so no origin takes a proof for all of it there.
    if (holder !== undefined && connection.capacity === 1) this.#shelf.hold(connection, holder)
    exchange.runOn(connection, nowMs)
    if (connection.inFlight >= connection.capacity) this.#shelf.withdraw(connection)
  }

  #count(by: 1 | -1): void {
    this.inFlight += by
    this.#setup.crowd.inFlight += by
  }

  #serveWaiting(nowMs: number): void {
    for (let first = this.#waiting.first; first !== undefined; first = this.#waiting.first) {
      const connection = this.#shelf.pick(nowMs, first)
      if (connection === null) return this.#openForWaiting()
      this.#waiting.takeFirst()
      this.#lend(connection, first, nowMs)
    }
  }

  #room(): number {
    return Math.max(0, this.limits.maxSize - this.#placesTaken() - this.#dialer.opening)
  }

  /**
   * Connections but for those that only finish what runs on them, which may last as long as an event stream, and those
   * that wait for a client who does not read: the origin has no work with them. At most as many again as `maxSize`.
   */
  #placesTaken(): number {
    const taken = this.#dialer.isShared ? this.#shelf.size - this.#shelf.draining : this.#shelf.size
    return taken - Math.min(this.#stalled, this.limits.maxSize)
  }

  #openForWaiting(): void {
    const dialer = this.#dialer
    while (dialer.opening * dialer.streams < this.#waiting.length && this.#room() > 0) this.#openOne(false)
    if (this.#waiting.length > 0 && dialer.opening === 0) this.#shelf.closeIdleHeld()
  }

  #openOne(isWarmUp: boolean, told: ((error: Error | null) => void) | null = null): void {
    this.#dialer.dial((error, connection) => {
      if (connection === null) this.#connectFailed(error as Error, isWarmUp)
      else this.#connected(connection)
      told?.(error)
    })
  }

  #connectFailed(error: Error, isWarmUp: boolean): void {
    this.health.unreached(error, performance.now())
    // One dial stands for so many waiting requests, the oldest ones; a dial for later stands for none.
    if (!isWarmUp) this.#waiting.failFirst(this.#dialer.streams, error)
    this.#openForWaiting()
  }

  #connected(connection: OriginConnection): void {
    this.health.connected(performance.now())
    if (this.#isRetired && this.#waiting.length === 0) return connection.destroy(upstreamFailure('noOrigin', true))
    const now = performance.now()
    this.#shelf.add(connection, now)
    this.#serveWaiting(now)
  }
}
