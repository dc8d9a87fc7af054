/**
 * Counts requests and says which are too many. Each is counted in this process first; then, where there is a Redis, by all
 * servers together. A Redis that is slow or gone makes no request fail or wait: the process's own count decides, and it has
 * been going all the time.
 */
import type { Cluster, Redis } from 'ioredis'
import type { Signal, SignalValue } from '../contract/index.ts'
import { type Asked, askedFor, type Count } from './counters.ts'
import { type Counted, decideRate, type RateDecision } from './decide.ts'
import type { RateLimit } from './options.ts'

/** A Redis and how patiently it is asked: `openRedisGuard` of the cache plugin makes one. */
export interface SharedRedis {
  readonly client: Redis | Cluster
  /** Answers within a time limit of its own, also where the server does not; never rejects. */
  ask<T>(question: () => Promise<T>): Promise<SharedAnswer<T>>
  /** Asks no more until the server has answered a probe. */
  leaveAlone(): void
  close(): void
}

export type SharedAnswer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string }

export interface LimiterParts {
  readonly own: Count
  /** Null = every process counts by itself. */
  readonly shared: { readonly count: Count; readonly redis: SharedRedis } | null
  /** By name of the limit and reason of the decision. */
  readonly decisions: Signal<SignalValue>
  /** By why Redis did not answer. */
  readonly fallbacks: Signal<SignalValue>
}

export class Limiter {
  readonly #parts: LimiterParts

  constructor(parts: LimiterParts) {
    this.#parts = parts
  }

  /** Counts one request of a client. Never rejects for the sake of Redis. */
  async take(limit: RateLimit, client: string): Promise<RateDecision> {
    const asked = askedFor(limit, client)
    const own = await this.#parts.own(asked)
    // Who floods this process is refused without a word to Redis, which the flood is kept from so.
    const decision = decideRate(limit, own, own.isExceeded ? null : await this.#countShared(asked))
    this.#parts.decisions.with(limit.name, decision.reason).add(1)
    return decision
  }

  async #countShared(asked: Asked): Promise<Counted | null> {
    const { shared, fallbacks } = this.#parts
    if (shared === null) return null
    const answer = await shared.redis.ask(() => shared.count(asked))
    if (answer.ok) return answer.value
    fallbacks.with(answer.why).add(1)
    // One request has waited for nothing; the next ones need not.
    if (answer.why === 'failed') shared.redis.leaveAlone()
    return null
  }
}
