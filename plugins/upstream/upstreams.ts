/**
 * The groups of one app by name. A reload hands over the whole new set; groups whose options did not change keep every
 * connection, removed ones serve what they have begun.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Dispatcher } from 'undici'
import { Channel, type Contract } from '../contract/index.ts'
import { Crowds } from './crowds.ts'
import { dispatcherOver } from './dispatcher.ts'
import { upstreamFailure } from './errors.ts'
import type { Dispatch, ExchangeHandler, ExchangeRequest, FollowedExchange, Interceptor } from './exchange.ts'
import { type GroupSurroundings, type LentTransport, UpstreamGroup } from './group.ts'
import type { HealthState } from './health/origin-health.ts'
import type { UpstreamGroupOptions } from './options.ts'
import type { HealthEvent } from './pool-health.ts'
import { type Lookup, Resolver } from './resolver.ts'

/** State of one origin now; counts, and whether it is left out after a failure. */
export interface OriginSnapshot {
  readonly upstream: string
  readonly origin: string
  readonly open: number
  readonly idle: number
  readonly inFlight: number
  readonly pending: number
  readonly tunnels: number
  readonly isAvoided: boolean
  readonly state: HealthState
}

/** @throws UpstreamFailure when no origin can be reached. */
export type Connect = (upstream: string, signal?: AbortSignal) => Promise<LentTransport>

interface Removed {
  readonly group: UpstreamGroup
  readonly atMs: number
}

/** For so long a group that was removed takes further attempts of what it runs. */
const FURTHER_ATTEMPTS_MS = 10_000

export class Upstreams {
  /** Told of each change of an origin's health. */
  readonly health = new Channel<HealthEvent>()
  readonly #groups = new Map<string, UpstreamGroup>()
  readonly #options = new Map<string, UpstreamGroupOptions>()
  /** Requests that were let in for a group and are not sent yet, by its name. */
  readonly #held = new Map<string, number>()
  /** Removed while such requests were there, or others ran, whose attempt may fail. */
  readonly #removed = new Map<string, Removed>()
  readonly #leaving = new Set<UpstreamGroup>()
  #around: GroupSurroundings
  #dispatch: Dispatch = (name, request, handler) => this.group(name).dispatch(request, handler)

  #connect: Connect = (name, signal) => this.#lend(name, signal)

  /** `lookup` replaces `dns.lookup`, for names that only the app knows. */
  constructor(contract: Contract, lookup?: Lookup) {
    this.#around = { ...contract, resolver: new Resolver(lookup), crowds: new Crowds(), health: this.health }
  }

  /** The names of groups that are made from now on are looked up by `lookup`. */
  lookUpBy(lookup: Lookup): void {
    this.#around = { ...this.#around, resolver: new Resolver(lookup) }
  }

  /** Makes `wanted` the set of groups. Running requests are not touched. */
  apply(wanted: Readonly<Record<string, UpstreamGroupOptions>>): void {
    for (const [name, group] of this.#groups) if (!(name in wanted)) this.#remove(name, group)
    for (const [name, options] of Object.entries(wanted)) {
      const group = this.#groups.get(name)
      if (group === undefined) {
        this.#retire(name)
        this.#groups.set(name, new UpstreamGroup(name, options, this.#around))
      } else if (!isDeepStrictEqual(this.#options.get(name), options)) group.reconfigure(options)
      this.#options.set(name, options)
    }
  }

  has(name: string): boolean {
    return this.#groups.has(name)
  }

  find(name: string): UpstreamGroup | undefined {
    return this.#groups.get(name)
  }

  /** @throws UpstreamFailure `noOrigin` for a name that is not configured. */
  group(name: string): UpstreamGroup {
    const group = this.#groups.get(name) ?? this.#removed.get(name)?.group
    if (group === undefined) throw upstreamFailure('noOrigin', true, new Error(`no upstream is named ${name}`))
    return group
  }

  /**
   * For whoever has let a request in and sends it a moment later: a group that a reload takes away meanwhile still takes it.
   * To be called back when it has been sent, or will not be.
   */
  hold(name: string): () => void {
    this.#held.set(name, (this.#held.get(name) ?? 0) + 1)
    return () => {
      const left = (this.#held.get(name) ?? 1) - 1
      if (left > 0) return void this.#held.set(name, left)
      this.#held.delete(name)
      this.#retireUnused(name, performance.now())
    }
  }

  /** Puts `interceptor` in front of all that were put there before: the last one is the outermost. */
  use(interceptor: Interceptor): void {
    this.#dispatch = interceptor(this.#dispatch)
  }

  /** Sends one request to a group, past every interceptor; see ExchangeHandler for what comes back. */
  dispatch(name: string, request: ExchangeRequest, handler: ExchangeHandler): FollowedExchange {
    return this.#dispatch(name, request, handler)
  }

  /** The group as an undici Dispatcher, valid across reloads. */
  dispatcher(name: string): Dispatcher {
    this.group(name)
    return dispatcherOver((request, handler) => this.dispatch(name, request, handler))
  }

  /** A transport of its own for a tunnel. An aborted `signal` closes it, also when it only comes later. */
  connect(name: string, signal?: AbortSignal): Promise<LentTransport> {
    return this.#connect(name, signal)
  }

  /** Puts `interceptor` in front of the way that tunnels take to an origin. */
  useConnect(interceptor: (next: Connect) => Connect): void {
    this.#connect = interceptor(this.#connect)
  }

  *snapshot(): Iterable<OriginSnapshot> {
    const now = performance.now()
    for (const group of this.#groups.values()) {
      for (const { address, open, idle, inFlight, pending, tunnels, health } of group.pools) {
        const state = health.stateAt(now)
        const isAvoided = state === 'ejected'
        const counts = { open, idle, inFlight, pending, tunnels: tunnels.count }
        yield { upstream: group.name, origin: address.url, ...counts, isAvoided, state }
      }
    }
  }

  sweep(nowMs: number): void {
    for (const group of this.#groups.values()) group.sweep(nowMs)
    for (const [name, { group }] of this.#removed) {
      group.sweep(nowMs)
      this.#retireUnused(name, nowMs)
    }
    for (const group of this.#leaving) {
      group.sweep(nowMs)
      if (group.isDone) this.#leaving.delete(group)
    }
  }

  destroy(): void {
    for (const name of [...this.#removed.keys()]) this.#retire(name)
    for (const group of [...this.#groups.values(), ...this.#leaving]) group.destroy()
  }

  async #lend(name: string, signal?: AbortSignal): Promise<LentTransport> {
    const lent = await this.group(name).connect()
    if (signal?.aborted) {
      lent.socket.destroy()
      lent.release()
      throw upstreamFailure('aborted', true, signal.reason)
    }
    return lent
  }

  #remove(name: string, group: UpstreamGroup): void {
    this.#groups.delete(name)
    this.#options.delete(name)
    const nowMs = performance.now()
    this.#removed.set(name, { group, atMs: nowMs })
    this.#retireUnused(name, nowMs)
  }

  #retireUnused(name: string, nowMs: number): void {
    const removed = this.#removed.get(name)
    if (removed === undefined || this.#held.has(name)) return
    if (!removed.group.isBusy || nowMs - removed.atMs > FURTHER_ATTEMPTS_MS) this.#retire(name)
  }

  #retire(name: string): void {
    const removed = this.#removed.get(name)
    if (removed === undefined) return
    this.#removed.delete(name)
    removed.group.retire()
    this.#leaving.add(removed.group)
  }
}
