/**
 * The connections that a pool has: which of them can take a request, how long they have been idle, which are too old. The
 * most recently used one works first, so that the others can grow old and go.
 */
import type { LookupAddress } from 'node:dns'
import type { EventEmitter } from 'node:events'
import type { OriginConnection } from './exchange.ts'
import {
  decideIdleLimit,
  decideIdleLimitOnce,
  type IdleKnowledge,
  learnFromAnswer,
  learnFromClose,
  learnFromReuse,
  unknownOrigin,
} from './keep-alive.ts'
import type { PoolLimits } from './pool-limits.ts'

interface Lease {
  /** When it became idle; 0 while it works, and once we close it ourselves. */
  idleSinceMs: number
  /** Age at which it is closed, with jitter so that connections do not all end at once. */
  readonly expiresMs: number
  /** Stands on the stack of connections that can take a request. */
  isAvailable: boolean
  /** The origin has left it open after an answer. */
  isKept: boolean
  /** The client that alone may use it, null = all may. */
  holder: object | null
}

/** What a connection is asked for. */
interface Asked {
  readonly isRepeatable: boolean
  readonly request: { readonly holder?: object | undefined }
}

/** How far the age limit of one connection may lie from `ttl`, as a share of it. */
const TTL_JITTER = 0.1
/** A new connection may wait for its first request for at least this long. */
const FRESH_MS = 500

export class ConnectionShelf {
  readonly #limits: PoolLimits
  readonly #leases = new Map<OriginConnection, Lease>()
  readonly #available: OriginConnection[] = []
  /** Clients that have connections of their own here. */
  readonly #holders = new Set<object>()
  readonly #idle: IdleKnowledge = unknownOrigin()

  /** `limits` are read at each use, since they may change. */
  constructor(limits: PoolLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#leases.size
  }

  get idle(): number {
    let idle = 0
    for (const lease of this.#leases.values()) if (lease.idleSinceMs !== 0) idle++
    return idle
  }

  /** Connections that only finish what runs on them. */
  get draining(): number {
    let draining = 0
    for (const { capacity } of this.#leases.keys()) if (capacity === 0) draining++
    return draining
  }

  all(): OriginConnection[] {
    return [...this.#leases.keys()]
  }

  /** Whether an unused connection would be kept at all. */
  isKeeping(nowMs: number): boolean {
    return decideIdleLimit(this.#idle, this.#limits.maxIdleMs, nowMs) > 0
  }

  isExpired(connection: OriginConnection, nowMs: number): boolean {
    const lease = this.#leases.get(connection)
    return lease === undefined || nowMs > lease.expiresMs
  }

  /** A connection has been opened. */
  add(connection: OriginConnection, nowMs: number): void {
    const jitter = 1 + TTL_JITTER * (2 * Math.random() - 1)
    const lease = {
      idleSinceMs: nowMs,
      expiresMs: nowMs + this.#limits.ttlMs * jitter,
      isAvailable: false,
      isKept: false,
      holder: null,
    }
    this.#leases.set(connection, lease)
    this.#offer(connection, lease)
  }

  /** The origin has left it open, as a rule after an answer; false when it is not here. */
  kept(connection: OriginConnection): boolean {
    const lease = this.#leases.get(connection)
    if (lease === undefined) return false
    lease.isKept = connection.used
    if (lease.isKept) learnFromAnswer(this.#idle, true)
    return true
  }

  /** It can take a request again. */
  putBack(connection: OriginConnection, nowMs: number): void {
    const lease = this.#leases.get(connection)
    if (lease === undefined) return
    if (connection.inFlight === 0) lease.idleSinceMs = nowMs
    this.#offer(connection, lease)
  }

  /** Takes it for a request; its idle time until now where it had served before, else 0. */
  use(connection: OriginConnection, nowMs: number): number {
    const lease = this.#leases.get(connection)
    if (lease === undefined || lease.idleSinceMs === 0) return 0
    const idleMs = nowMs - lease.idleSinceMs
    lease.idleSinceMs = 0
    return connection.used ? idleMs : 0
  }

  /** It is gone; false when it was not here. `isIdle`: the origin closed it unused. */
  remove(connection: OriginConnection, isIdle: boolean): boolean {
    const lease = this.#leases.get(connection)
    if (lease === undefined) return false
    this.#leases.delete(connection)
    this.withdraw(connection)
    if (connection.used && !lease.isKept) learnFromAnswer(this.#idle, false)
    // An error-free end of a connection that had served means that the origin's patience is over.
    if (isIdle && lease.idleSinceMs !== 0 && connection.used) {
      const now = performance.now()
      learnFromClose(this.#idle, now - lease.idleSinceMs, now)
    }
    return true
  }

  /** The origin has said how long it keeps connections. */
  hint(keepAliveMs: number): void {
    this.#idle.hintMs = keepAliveMs
  }

  /** A connection answered well after it had been idle for this long. */
  reused(idleMs: number): void {
    learnFromReuse(this.#idle, idleMs, this.#limits.maxIdleMs)
  }

  /** Takes a connection away from all others for as long as this client stays, and no longer. */
  hold(connection: OriginConnection, holder: object): void {
    const lease = this.#leases.get(connection)
    if (lease === undefined || lease.holder === holder) return
    lease.holder = holder
    if (this.#holders.has(holder)) return
    this.#holders.add(holder)
    const client = holder as EventEmitter
    client.once('close', () => this.#release(holder))
  }

  /** Closes the unused connection that its client has not used for the longest time: others need the place. */
  closeIdleHeld(): void {
    if (this.#holders.size === 0) return
    const held = this.#available.find(each => each.inFlight === 0 && (this.#leases.get(each)?.holder ?? null) !== null)
    if (held !== undefined) this.#discard(held)
  }

  /** The most recently used connection that is still good for a request; closes those that are not. */
  pick(nowMs: number, { isRepeatable, request: { holder } }: Asked): OriginConnection | null {
    const own = holder !== undefined && this.#holders.has(holder) ? this.#pickFor(holder, nowMs, isRepeatable) : null
    return own ?? this.#pickFor(null, nowMs, isRepeatable)
  }

  #pickFor(holder: object | null, nowMs: number, isRepeatable: boolean): OriginConnection | null {
    const decide = isRepeatable ? decideIdleLimit : decideIdleLimitOnce
    const limitMs = decide(this.#idle, this.#limits.maxIdleMs, nowMs)
    for (let i = this.#available.length - 1; i >= 0; i--) {
      const connection = this.#available[i] as OriginConnection
      const lease = this.#leases.get(connection)
      if (lease === undefined || connection.capacity === 0) this.withdraw(connection)
      else if (connection.inFlight === 0 && this.#isOld(connection, lease, limitMs, nowMs)) this.#discard(connection)
      else if (lease.holder === holder && connection.inFlight < connection.capacity) return connection
    }
    return null
  }

  /** It takes no request until it is put back. */
  withdraw(connection: OriginConnection): void {
    const lease = this.#leases.get(connection)
    if (lease !== undefined) lease.isAvailable = false
    const last = this.#available.length - 1
    const index = this.#available[last] === connection ? last : this.#available.indexOf(connection)
    if (index >= 0) this.#available.splice(index, 1)
  }

  closeIdle(): void {
    for (const connection of [...this.#available]) if (connection.inFlight === 0) this.#discard(connection)
  }

  closeOld(nowMs: number): void {
    const limitMs = decideIdleLimit(this.#idle, this.#limits.maxIdleMs, nowMs)
    for (const [connection, lease] of this.#leases) {
      if (lease.idleSinceMs !== 0 && this.#isOld(connection, lease, limitMs, nowMs)) this.#discard(connection)
    }
  }

  /** Closes what leads to an address that the name no longer has, once it is idle. */
  closeElsewhere(addresses: readonly LookupAddress[]): void {
    for (const connection of this.all()) {
      const remote = connection.socket.remoteAddress
      if (remote !== undefined && !addresses.some(({ address }) => address === remote)) this.#discard(connection)
    }
  }

  #isOld(connection: OriginConnection, lease: Lease, limitMs: number, nowMs: number): boolean {
    // An HTTP/2 origin says GOAWAY before it closes, so the race that the limit is there for does not exist.
    const usedLimitMs = connection.capacity > 1 ? this.#limits.maxIdleMs : limitMs
    // A connection that has not served yet is not judged by the patience that the origin shows after an answer.
    const idleLimitMs = connection.used ? usedLimitMs : Math.max(usedLimitMs, FRESH_MS)
    return (lease.idleSinceMs !== 0 && nowMs - lease.idleSinceMs >= idleLimitMs) || nowMs > lease.expiresMs
  }

  #release(holder: object): void {
    this.#holders.delete(holder)
    for (const [connection, lease] of this.#leases) if (lease.holder === holder) this.#discard(connection)
  }

  #offer(connection: OriginConnection, lease: Lease): void {
    if (lease.isAvailable) return
    lease.isAvailable = true
    this.#available.push(connection)
  }

  /** Closes a connection of our own will, so that nothing is learned from its end. */
  #discard(connection: OriginConnection): void {
    const lease = this.#leases.get(connection)
    if (lease !== undefined) lease.idleSinceMs = 0
    this.withdraw(connection)
    connection.close()
  }
}
