/**
 * All open connections in three lists, oldest first: fresh (no complete request yet), idle (between requests) and busy.
 * Decides who may come in, who goes when it is full, and who has been silent for too long.
 */
import type { Socket } from 'node:net'
import type { GlobalLimits } from '../config/types.ts'
import { addressKey, isLoopback } from './address-key.ts'
import { Connection, type Entrance } from './connection.ts'
import { LinkedList } from './linked-list.ts'

export type Admission =
  | { readonly admit: true; readonly connection: Connection }
  | { readonly admit: false; readonly reason: 'connections' | 'connections-per-address' }

export interface BookOptions {
  readonly limits: GlobalLimits
  isTrustedProxy(address: string): boolean
  now(): number
}

export class ConnectionBook {
  limits: GlobalLimits
  readonly fresh = new LinkedList<Connection>()
  readonly idle = new LinkedList<Connection>()
  readonly busy = new LinkedList<Connection>()
  readonly #perAddress = new Map<string, number>()
  readonly #options: BookOptions

  constructor(options: BookOptions) {
    this.limits = options.limits
    this.#options = options
  }

  get size(): number {
    return this.fresh.size + this.idle.size + this.busy.size
  }

  /** When full, the oldest connection without a complete request makes room, then the one idle for longest. */
  admit(raw: Socket, via: Entrance): Admission {
    const address = this.#countedAddress(raw.remoteAddress)
    const open = address === null ? 0 : (this.#perAddress.get(address) ?? 0)
    if (open >= this.limits.connectionsPerAddress) return { admit: false, reason: 'connections-per-address' }
    if (this.size >= this.limits.connections && !this.#makeRoom()) return { admit: false, reason: 'connections' }
    const connection = new Connection(raw, via, address)
    if (address !== null) this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1)
    this.startFresh(connection)
    return { admit: true, connection }
  }

  /** Counts the time for a first (or another) request head from now. */
  startFresh(connection: Connection): void {
    this.#move(connection, this.fresh)
  }

  begin(connection: Connection): void {
    if (connection.active++ === 0 && connection.list !== null) this.#move(connection, this.busy)
  }

  end(connection: Connection): void {
    if (--connection.active === 0 && connection.list !== null) this.#move(connection, this.idle)
  }

  /** Once per connection, when it has closed or is given up; a second call has no effect. */
  remove(connection: Connection): void {
    const { list, address } = connection
    if (list === null) return
    list.remove(connection)
    if (address === null) return
    const left = (this.#perAddress.get(address) ?? 1) - 1
    if (left === 0) this.#perAddress.delete(address)
    else this.#perAddress.set(address, left)
  }

  /** The connections whose first request head is overdue. */
  lateHeads(): Connection[] {
    return expired(this.fresh, this.#options.now() - this.limits.headerTimeoutMs)
  }

  /**
   * The connections without a request for longer than the keep-alive time and `bufferMs`. One over HTTP/1.1 that has
   * received something since is no longer idle: it has the head timeout from now.
   */
  lateIdle(bufferMs: number): Connection[] {
    const all = expired(this.idle, this.#options.now() - this.limits.keepAliveMs - bufferMs)
    return all.filter(connection => {
      const speaks = connection.session === null && connection.raw.bytesRead > connection.receivedThen
      if (speaks) this.startFresh(connection)
      return !speaks
    })
  }

  forEach(visit: (connection: Connection) => void): void {
    this.fresh.forEach(visit)
    this.idle.forEach(visit)
    this.busy.forEach(visit)
  }

  #move(connection: Connection, list: LinkedList<Connection>): void {
    list.append(connection)
    connection.sinceMs = this.#options.now()
    connection.receivedThen = connection.raw.bytesRead
  }

  #makeRoom(): boolean {
    const victim = this.fresh.first ?? this.idle.first
    if (victim === null) return false
    this.remove(victim)
    victim.raw.destroy()
    return true
  }

  #countedAddress(address: string | undefined): string | null {
    if (address === undefined || isLoopback(address) || this.#options.isTrustedProxy(address)) return null
    return addressKey(address)
  }
}

/** Members that came before `deadline`; the list is ordered, so this costs no more than what it finds. */
function expired(list: LinkedList<Connection>, deadline: number): Connection[] {
  const found: Connection[] = []
  let connection = list.first
  while (connection !== null && connection.sinceMs <= deadline) {
    found.push(connection)
    connection = connection.after as Connection | null
  }
  return found
}
