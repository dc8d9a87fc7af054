/**
 * The connections to one origin: opens, lends, takes back, closes. The least recently used idle connection goes
 * first out, the most recently used first to work; waiting requests stand in one bounded line.
 */
import { Bag } from '../contract/index.ts'
import type { Candidate } from './balance.ts'
import { ConnectionShelf } from './connection-shelf.ts'
import type { Connector, Transport } from './connector.ts'
import { type FailureKind, isUpstreamFailure, upstreamFailure } from './errors.ts'
import type { ConnectionEvents, OriginConnection } from './exchange.ts'
import type { ExchangePool } from './exchange-host.ts'
import { H1Connection, Landing } from './h1/index.ts'
import { H2_STREAMS, openH2 } from './h2/index.ts'
import type { OriginAddress } from './origin-address.ts'
import type { PoolHealth } from './pool-health.ts'
import type { PoolLimits } from './pool-limits.ts'
import type { PoolCounters } from './pool-signals.ts'
import type { RunningExchange } from './running-exchange.ts'
import { UndiciConnection } from './undici-connection.ts'
import { WarmDemand } from './warm-demand.ts'

export interface PoolSetup {
  readonly address: OriginAddress
  readonly connector: Connector
  readonly client: 'native' | 'undici'
  readonly keepAlive: boolean
  readonly counters: PoolCounters
  readonly health: PoolHealth
}

type Connected = (error: Error | null, connection: OriginConnection | null) => void

/** How often the addresses of a name are compared with those of kept connections. */
const ADDRESS_CHECK_MS = 5_000

export class OriginPool implements Candidate, ConnectionEvents, ExchangePool {
  readonly address: OriginAddress
  weight: number
  credit = 0
  inFlight = 0
  /** Connections lent to tunnels. */
  tunnels = 0
  readonly limits: PoolLimits
  readonly health: PoolHealth
  readonly #setup: PoolSetup
  readonly #shelf: ConnectionShelf
  readonly #waiting: RunningExchange[] = []
  readonly #running = new Bag<RunningExchange>()
  readonly #demand = new WarmDemand()
  #opening = 0
  /** Requests that one connection carries at once, as far as known: a dial is made for so many. */
  #streams: number
  /** Some of its connections are HTTP/2. */
  #isShared = false
  /** Exchanges whose client did not read at the last look. */
  #stalled = 0
  #isRetired = false
  #addressesCheckedMs = 0

  constructor(setup: PoolSetup, limits: PoolLimits, weight: number) {
    this.address = setup.address
    this.#streams = setup.address.protocol === 'h2c' ? H2_STREAMS : 1
    this.weight = weight
    this.limits = limits
    this.health = setup.health
    this.#shelf = new ConnectionShelf(limits)
    this.#setup = setup
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
    const soonServed = (this.#opening + this.#room()) * this.#streams
    if (this.#waiting.length >= this.limits.queueSize + soonServed) return exchange.fail('full')
    exchange.queuedAtMs = now
    this.#waiting.push(exchange)
    this.#openForWaiting()
  }

  /** A connection of its own for a tunnel, HTTP/1.1 only; not counted against `maxSize`, which bounds exchanges. */
  lendTransport(): Promise<Transport> {
    return new Promise((resolve, reject) => {
      const startedMs = performance.now()
      this.#setup.connector.open(
        (error, socket) => {
          this.#setup.counters.connect(isUpstreamFailure(error) ? error.kind : 'ok', performance.now() - startedMs)
          if (socket === null) {
            this.health.failed(isUpstreamFailure(error) ? error.kind : 'unreachable', performance.now())
            return reject(error)
          }
          this.tunnels++
          resolve(socket)
        },
        { http2: false },
      )
    })
  }

  transportReturned(): void {
    this.tunnels--
  }

  /** The exchange no longer waits. */
  leave(exchange: RunningExchange): void {
    const index = this.#waiting.indexOf(exchange)
    if (index >= 0) this.#waiting.splice(index, 1)
  }

  /** The attempt has ended, well (`null`) or not. */
  settle(exchange: RunningExchange, failure: FailureKind | null): void {
    if (this.#running.delete(exchange)) this.inFlight--
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
    if (!this.#shelf.has(connection)) return
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
    this.#shedLate(nowMs)
    this.#shelf.closeOld(nowMs)
    this.#demand.note(nowMs, this.inFlight)
    this.#warm(nowMs)
    if (this.address.isName && nowMs - this.#addressesCheckedMs > ADDRESS_CHECK_MS) this.#checkAddresses(nowMs)
    this.#setup.counters.sample(this)
  }

  #checkRunning(nowMs: number): void {
    let stalled = 0
    this.#running.visit(exchange => {
      exchange.checkTime(nowMs)
      if (exchange.paused) stalled++
    })
    this.#stalled = this.#isShared ? 0 : stalled
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
    for (const exchange of [...this.#waiting]) exchange.fail('noOrigin')
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
    this.inFlight++
    const { holder } = exchange.request
    // HTTP/2 mixes the requests of many clients on one connection, so no origin takes a proof for all of it there.
    if (holder !== undefined && connection.capacity === 1) this.#shelf.hold(connection, holder)
    exchange.runOn(connection, nowMs)
    if (connection.inFlight >= connection.capacity) this.#shelf.withdraw(connection)
  }

  #serveWaiting(nowMs: number): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const connection = this.#shelf.pick(nowMs, first)
      if (connection === null) return this.#openForWaiting()
      this.#waiting.shift()
      this.#lend(connection, first, nowMs)
    }
  }

  #room(): number {
    return Math.max(0, this.limits.maxSize - this.#placesTaken() - this.#opening)
  }

  /**
   * Connections but for those that only finish what runs on them, which may last as long as an event stream, and those
   * that wait for a client who does not read: the origin has no work with them. At most as many again as `maxSize`.
   */
  #placesTaken(): number {
    const taken = this.#isShared ? this.#shelf.size - this.#shelf.draining : this.#shelf.size
    return taken - Math.min(this.#stalled, this.limits.maxSize)
  }

  #openForWaiting(): void {
    while (this.#opening * this.#streams < this.#waiting.length && this.#room() > 0) this.#openOne(false)
    if (this.#waiting.length > 0 && this.#opening === 0) this.#shelf.closeIdleHeld()
  }

  #openOne(isWarmUp: boolean, told: ((error: Error | null) => void) | null = null): void {
    this.#opening++
    const startedMs = performance.now()
    const done: Connected = (error, connection) => {
      this.#opening--
      this.#setup.counters.connect(isUpstreamFailure(error) ? error.kind : 'ok', performance.now() - startedMs)
      if (connection === null) this.#connectFailed(error as Error, isWarmUp)
      else this.#connected(connection)
      told?.(error)
    }
    const landing = this.address.protocol === 'http' && this.#setup.client === 'native' ? new Landing() : null
    const speak = (error: Error | null, socket: Transport | null): void => {
      if (socket === null) done(error, null)
      else this.#speakOn(socket, landing, done)
    }
    this.#setup.connector.open(speak, { landing })
  }

  #connectFailed(error: Error, isWarmUp: boolean): void {
    this.health.failed(isUpstreamFailure(error) ? error.kind : 'unreachable', performance.now())
    // One dial stands for so many waiting requests, the oldest ones; a dial for later stands for none.
    if (!isWarmUp) for (const exchange of this.#waiting.splice(0, this.#streams)) exchange.failWith(error)
    this.#openForWaiting()
  }

  #connected(connection: OriginConnection): void {
    this.health.connected(performance.now())
    if (this.#isRetired && this.#waiting.length === 0) return connection.destroy(upstreamFailure('noOrigin', true))
    const now = performance.now()
    this.#streams = Math.max(1, connection.capacity)
    this.#shelf.add(connection, now)
    this.#serveWaiting(now)
  }

  #speakOn(socket: Transport, landing: Landing | null, done: Connected): void {
    const { protocol, authority } = this.address
    const scheme = protocol === 'https' ? 'https' : 'http'
    if (protocol === 'h2c' || ('alpnProtocol' in socket && socket.alpnProtocol === 'h2')) {
      this.#isShared = true
      return openH2(socket, { origin: { scheme, authority }, events: this }, done)
    }
    if (this.#setup.client === 'native') return done(null, new H1Connection(socket, { events: this, landing }))
    done(null, new UndiciConnection(socket, { origin: `${scheme}://${authority}`, events: this }))
  }

  #shedLate(nowMs: number): void {
    // The first `opening` requests in line wait for a dial, which has its own limit; the others for somebody's end.
    for (let i = this.#waiting.length - 1; i >= this.#opening * this.#streams; i--) {
      const exchange = this.#waiting[i] as RunningExchange
      if (nowMs - exchange.queuedAtMs <= this.limits.queueTimeoutMs) continue
      this.#waiting.splice(i, 1)
      exchange.fail('queueTimeout')
    }
  }

  #warm(nowMs: number): void {
    if (this.#isRetired || !this.#setup.keepAlive || this.health.stateAt(nowMs) === 'ejected') return
    if (!this.#shelf.isKeeping(nowMs)) return
    const wanted = Math.min(this.#demand.wanted(nowMs), this.limits.minSize, this.limits.maxSize)
    if (this.#shelf.size + this.#opening < wanted) this.#openOne(true)
  }

  #checkAddresses(nowMs: number): void {
    this.#addressesCheckedMs = nowMs
    if (this.#shelf.size === 0) return
    this.#setup.connector.currentAddresses().then(addresses => {
      if (addresses !== null) this.#shelf.closeElsewhere(addresses)
    })
  }
}
