/**
 * What a pool publishes: counts of attempts and connections by outcome, times to connect and to the head of an answer,
 * and gauges that the sweep samples. Children are resolved once and kept, so counting is an addition.
 */

import type { Observed, Signal, Signals, SignalValue } from '../contract/index.ts'
import type { HealthState } from './health/origin-health.ts'

interface Sampled {
  readonly open: number
  readonly idle: number
  readonly pending: number
  readonly inFlight: number
}

export class PoolCounters {
  readonly #signals: Signals
  readonly #upstream: string
  readonly #origin: string
  readonly #attempts = new Map<string, SignalValue>()
  readonly #connects = new Map<string, SignalValue>()
  readonly #answers = new Map<string, SignalValue>()
  readonly #headSeconds: Observed
  readonly #connectSeconds: Observed
  readonly #ejections = new Map<string, SignalValue>()
  readonly #health: SignalValue
  readonly #gauges: Record<keyof Sampled, SignalValue>
  readonly #drops: (() => void)[] = []

  constructor(signals: Signals, upstream: string, origin: string) {
    this.#signals = signals
    this.#upstream = upstream
    this.#origin = origin
    const labels = ['upstream', 'origin'] as const
    const child = <T>(signal: Signal<T>): T => {
      this.#drops.push(() => signal.drop(upstream, origin))
      return signal.with(upstream, origin)
    }
    const gauge = (name: string, help: string) => child(signals.gauge(name, help, ...labels))
    const seconds = (name: string, help: string) => child(signals.histogram(name, help, ...labels))
    this.#gauges = {
      open: gauge('upstream_connections_open', 'Connections to the origin.'),
      idle: gauge('upstream_connections_idle', 'Connections to the origin that wait for work.'),
      pending: gauge('upstream_requests_pending', 'Requests that wait for a connection.'),
      inFlight: gauge('upstream_requests_in_flight', 'Requests that an origin is working on.'),
    }
    this.#health = gauge('upstream_origin_state', 'Health of the origin: 0 healthy, 1 half-open, 2 ejected.')
    this.#headSeconds = seconds('upstream_head_seconds', 'Time from sending a request to the head of its answer.')
    this.#connectSeconds = seconds('upstream_connect_seconds', 'Time to open a connection, TLS included.')
  }

  /** An attempt has ended: `ok`, or the kind of its failure. */
  attempt(outcome: string): void {
    this.#child(this.#attempts, 'upstream_attempts_total', 'Attempts at the origin by outcome.', outcome).add(1)
  }

  connect(outcome: string, tookMs: number): void {
    this.#child(this.#connects, 'upstream_connects_total', 'Connections opened by outcome.', outcome).add(1)
    if (outcome === 'ok') this.#connectSeconds.observe(tookMs / 1000)
  }

  answer(status: number, headMs: number): void {
    const reason = statusClass(status)
    this.#child(this.#answers, 'upstream_answers_total', 'Answers of the origin by class of status.', reason).add(1)
    this.#headSeconds.observe(headMs / 1000)
  }

  /** 0 healthy, 1 half-open, 2 ejected; ejections by reason. */
  health(state: HealthState, reason: string | null): void {
    this.#health.set(stateNumbers[state])
    if (reason === null) return
    this.#child(
      this.#ejections,
      'upstream_ejections_total',
      'Times that an origin was left out, by reason.',
      reason,
    ).add(1)
  }

  /** Drops every child, so that origins of former configurations leave nothing behind. */
  forget(): void {
    for (const drop of this.#drops) drop()
  }

  sample(pool: Sampled): void {
    this.#gauges.open.set(pool.open)
    this.#gauges.idle.set(pool.idle)
    this.#gauges.pending.set(pool.pending)
    this.#gauges.inFlight.set(pool.inFlight)
  }

  #child(known: Map<string, SignalValue>, name: string, help: string, reason: string): SignalValue {
    const child = known.get(reason)
    if (child !== undefined) return child
    const signal = this.#signals.counter(name, help, 'upstream', 'origin', 'reason')
    const made = signal.with(this.#upstream, this.#origin, reason)
    known.set(reason, made)
    this.#drops.push(() => signal.drop(this.#upstream, this.#origin, reason))
    return made
  }
}

const stateNumbers: Readonly<Record<HealthState, number>> = { healthy: 0, 'half-open': 1, ejected: 2 }

const classes = ['0xx', '1xx', '2xx', '3xx', '4xx', '5xx', '6xx', '7xx', '8xx', '9xx']

function statusClass(status: number): string {
  return classes[Math.floor(status / 100)] ?? 'other'
}
