/**
 * The upstreams of one app with their policies, and the way of a request through them.
 */
import {
  type Connect,
  type Dispatch,
  type FollowedExchange,
  type Interceptor,
  isUpstreamFailure,
} from '../upstream/index.ts'
import type { RetryPolicy } from './options.ts'
import { RetriedExchange } from './retried-exchange.ts'
import { type RetrySurroundings, UpstreamState } from './upstream-state.ts'
import { waitForOrigin } from './waiting-tunnel.ts'

/** An upstream as the plugin sees it now. */
export interface RetrySnapshot {
  readonly upstream: string
  /** How long every origin has been away, in ms; null = at least one is there. */
  readonly awayMs: number | null
  /** Requests that wait for it. */
  readonly held: number
  /** Further attempts that run, and the requests they are a share of. */
  readonly retrying: number
  readonly active: number
}

export class Retries {
  readonly #states = new Map<string, UpstreamState>()
  readonly #around: RetrySurroundings
  readonly #fallback: RetryPolicy | null
  #policies: Readonly<Record<string, RetryPolicy | false>> = {}

  /** `fallback` holds for upstreams without a policy of their own; null = off for them. */
  constructor(around: RetrySurroundings, fallback: RetryPolicy | null) {
    this.#around = around
    this.#fallback = fallback
  }

  /** Makes `policies` what holds, by upstream; false = off. Requests on their way are not touched. */
  apply(policies: Readonly<Record<string, RetryPolicy | false>>): void {
    this.#policies = policies
    for (const [name, state] of this.#states) {
      const policy = this.#policyOf(name)
      if (policy === null || !this.#around.upstreams.has(name)) this.#remove(name, state)
      else state.reconfigure(policy)
    }
    for (const [name, policy] of Object.entries(policies)) if (policy !== false) this.#stateOf(name)
  }

  readonly intercept: Interceptor =
    (next: Dispatch) =>
    (upstream, request, handler): FollowedExchange => {
      const state = this.#states.get(upstream) ?? this.#stateOf(upstream)
      if (state === null) return next(upstream, request, handler)
      const exchange = new RetriedExchange(state, next, request, handler)
      exchange.start()
      return exchange
    }

  /** The same wait for tunnels, which send nothing before they have a connection. */
  interceptConnect(next: Connect): Connect {
    return async (upstream, signal) => {
      const state = this.#stateOf(upstream)
      if (state === null) return next(upstream, signal)
      for (;;) {
        try {
          const lent = await next(upstream, signal)
          state.parking.noteReached()
          return lent
        } catch (error) {
          if (!isUpstreamFailure(error) || !(await waitForOrigin(state, error, signal))) throw error
        }
      }
    }
  }

  *snapshot(): Iterable<RetrySnapshot> {
    const now = performance.now()
    for (const { name, parking, budget } of this.#states.values()) {
      const awayMs = parking.outage === null ? null : now - parking.sinceMs
      yield { upstream: name, awayMs, held: parking.size, retrying: budget.retrying, active: budget.active }
    }
  }

  close(): void {
    for (const [name, state] of this.#states) this.#remove(name, state)
  }

  #policyOf(name: string): RetryPolicy | null {
    const own = Object.hasOwn(this.#policies, name) ? this.#policies[name] : undefined
    return own === false ? null : (own ?? this.#fallback)
  }

  #stateOf(name: string): UpstreamState | null {
    const policy = this.#policyOf(name)
    if (policy === null || !this.#around.upstreams.has(name)) return null
    const known = this.#states.get(name)
    if (known !== undefined) return known
    const state = new UpstreamState(name, policy, this.#around)
    this.#states.set(name, state)
    return state
  }

  #remove(name: string, state: UpstreamState): void {
    this.#states.delete(name)
    state.close()
  }
}
