/**
 * What the plugin knows of one upstream while it runs: the policy in its resolved form, the budget, who waits for it, and
 * what is counted.
 */
import { type Contract, clampToBounds, type Tunable } from '../contract/index.ts'
import type { Upstreams } from '../upstream/index.ts'
import type { DueTimes } from './due-times.ts'
import { Hedging } from './hedging.ts'
import type { HeldBytes } from './held-answer.ts'
import type { RetryPolicy } from './options.ts'
import { Parking } from './parking.ts'
import type { BackoffLimits } from './rules/backoff.ts'
import type { RetryRules } from './rules/decide-retry.ts'
import { type BudgetLimits, RetryBudget } from './rules/retry-budget.ts'
import { RetryCounters } from './signals.ts'

/** What the upstreams of one app share. */
export interface RetrySurroundings {
  readonly upstreams: Upstreams
  readonly contract: Contract
  readonly times: DueTimes
  readonly held: HeldBytes
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const TOO_MANY_REQUESTS = 429

export class UpstreamState {
  readonly name: string
  policy: RetryPolicy
  rules: Mutable<RetryRules>
  backoff: Mutable<BackoffLimits>
  /** How long after an outage began unsent requests wait. */
  holdMs: number
  readonly budget: RetryBudget
  readonly parking: Parking
  readonly hedging: Hedging
  readonly count: RetryCounters
  readonly times: DueTimes
  readonly held: HeldBytes
  readonly #limits: BudgetLimits
  readonly #around: RetrySurroundings

  constructor(name: string, policy: RetryPolicy, around: RetrySurroundings) {
    this.name = name
    this.#around = around
    this.times = around.times
    this.held = around.held
    this.policy = policy
    this.rules = rulesOf(policy)
    this.backoff = { baseMs: policy.backoffBaseMs, maxMs: policy.backoffMaxMs }
    this.holdMs = policy.holdMs
    this.#limits = { ratio: policy.budgetRatio, floorPerSecond: policy.budgetFloor }
    this.budget = new RetryBudget(this.#limits, performance.now())
    this.count = new RetryCounters(around.contract.signals, name)
    this.hedging = new Hedging(policy.hedge, this)
    this.parking = new Parking({
      reach: () => this.#reach(),
      onChange: (isAway, parked) => this.count.sample(isAway, parked),
    })
    this.#declareTunables()
  }

  /** Takes a changed policy, also for requests that wait. */
  reconfigure(policy: RetryPolicy): void {
    this.policy = policy
    Object.assign(this.rules, rulesOf(policy))
    Object.assign(this.backoff, { baseMs: policy.backoffBaseMs, maxMs: policy.backoffMaxMs })
    Object.assign(this.#limits, { ratio: policy.budgetRatio, floorPerSecond: policy.budgetFloor })
    this.hedging.mode = policy.hedge
    this.#hold(policy.holdMs)
    this.#declareTunables()
  }

  /** Whether an answer with this status may be followed by another attempt. */
  isRetried(status: number): boolean {
    return this.rules.statuses.has(status) || (status === TOO_MANY_REQUESTS && this.rules.tooManyRequests)
  }

  originCount(): number {
    return this.#around.upstreams.find(this.name)?.originCount ?? 0
  }

  /** Whether a body is worth keeping whatever the method: the origin may say that it has done nothing with it. */
  mayBeRefused(): boolean {
    return this.#around.upstreams.find(this.name)?.maySpeakHttp2 ?? false
  }

  isSaturated(): boolean {
    return this.#around.upstreams.find(this.name)?.hasWaiting ?? false
  }

  /** Keeps the group for a further attempt, also when a reload takes it away; to be called back when that is sent. */
  hold(): () => void {
    return this.#around.upstreams.hold(this.name)
  }

  close(): void {
    // Requests on their way keep this state: from now on it holds nobody.
    this.holdMs = 0
    this.parking.close()
    this.count.forget()
    for (const tunable of this.#tunables()) this.#around.contract.tunables.drop(this.name, tunable.name)
  }

  #reach(): Promise<boolean> {
    return this.#around.upstreams.find(this.name)?.reach() ?? Promise.resolve(false)
  }

  #hold(ms: number): void {
    this.parking.moveLimits(ms - this.holdMs)
    this.holdMs = ms
  }

  #declareTunables(): void {
    for (const tunable of this.#tunables()) this.#around.contract.tunables.declare(tunable)
  }

  #tunables(): Tunable[] {
    const { policy, rules, backoff, hedging } = this
    const limits = this.#limits
    const knob = (
      name: string,
      bounds: Bounds,
      configured: number,
      get: () => number,
      set: (value: number) => void,
    ) => ({
      name: `retry.${name}`,
      scope: this.name,
      ...bounds,
      configured,
      get,
      set: (value: number) => set(clampToBounds(bounds, value)),
    })
    return [
      knob(
        'attempts',
        // What somebody has switched off, or limited, nobody switches on again.
        count(1, policy.attempts, 1),
        policy.attempts,
        () => rules.attempts,
        v => {
          rules.attempts = v
        },
      ),
      knob(
        'budget_ratio',
        { unit: 'ratio', min: 0, max: 1, step: 0.01 },
        policy.budgetRatio,
        () => limits.ratio,
        v => {
          limits.ratio = v
        },
      ),
      knob(
        'budget_floor',
        count(0, 100, 0.5),
        policy.budgetFloor,
        () => limits.floorPerSecond,
        v => {
          limits.floorPerSecond = v
        },
      ),
      knob(
        'backoff_base',
        ms(1, 1_000),
        policy.backoffBaseMs,
        () => backoff.baseMs,
        v => {
          backoff.baseMs = v
        },
      ),
      knob(
        'hold',
        ms(0, policy.holdMs === 0 ? 0 : 60_000),
        policy.holdMs,
        () => this.holdMs,
        v => this.#hold(v),
      ),
      knob(
        'hedge_delay',
        ms(0, policy.hedge === 'off' ? 0 : 60_000),
        hedging.configuredMs,
        () => hedging.delayMs,
        v => {
          hedging.delayMs = v
        },
      ),
    ]
  }
}

type Bounds = Pick<Tunable, 'unit' | 'min' | 'max' | 'step'>

function count(min: number, max: number, step: number): Bounds {
  return { unit: 'count', min, max, step }
}

function ms(min: number, max: number): Bounds {
  return { unit: 'milliseconds', min, max, step: 1 }
}

function rulesOf(policy: RetryPolicy): RetryRules {
  const { attempts, tooManyRequests, idempotencyKey } = policy
  const methods = new Set(policy.methods)
  return { attempts, methods, statuses: new Set(policy.statuses), tooManyRequests, idempotencyKey }
}
