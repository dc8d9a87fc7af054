/**
 * The numbers that the plugin publishes, by upstream and by the words of its decisions.
 */
import type { Signal, Signals, SignalValue } from '../contract/index.ts'

export class RetryCounters {
  readonly #upstream: string
  readonly #parked: Signal<SignalValue>
  readonly #outage: Signal<SignalValue>
  readonly #retries: Signal<SignalValue>
  readonly #refused: Signal<SignalValue>
  readonly #held: Signal<SignalValue>
  readonly #hedges: Signal<SignalValue>

  constructor(signals: Signals, upstream: string) {
    const counter = (name: string, help: string) => signals.counter(name, help, 'upstream', 'reason')
    this.#upstream = upstream
    this.#retries = counter('retry_attempts_total', 'Further attempts by what went before.')
    this.#refused = counter('retry_refused_total', 'Failures that were not followed by another attempt, by reason.')
    this.#held = counter('retry_held_total', 'Requests that waited for an origin that was away, by how it ended.')
    this.#hedges = counter('retry_hedges_total', 'Second attempts of slow requests, by outcome.')
    this.#parked = signals.gauge('retry_held', 'Requests that wait for an origin that is away.', 'upstream')
    this.#outage = signals.gauge('retry_outage', '1 while every origin of the upstream is away.', 'upstream')
    this.sample(false, 0)
  }

  sample(isAway: boolean, parked: number): void {
    this.#outage.with(this.#upstream).set(isAway ? 1 : 0)
    this.#parked.with(this.#upstream).set(parked)
  }

  /** Drops the gauges, for an upstream that a reload has removed. */
  forget(): void {
    this.#outage.drop(this.#upstream)
    this.#parked.drop(this.#upstream)
  }

  retry(reason: string): void {
    this.#retries.with(this.#upstream, reason).add(1)
  }

  refused(reason: string): void {
    this.#refused.with(this.#upstream, reason).add(1)
  }

  held(outcome: 'released' | 'expired' | 'left' | 'refused'): void {
    this.#held.with(this.#upstream, outcome).add(1)
  }

  hedge(outcome: 'sent' | 'won'): void {
    this.#hedges.with(this.#upstream, outcome).add(1)
  }
}
