/**
 * The numbers of the coded forms: how many were made, what they cost, what they save, and why others were not made.
 */
import type { Signal, Signals, SignalValue } from '../../contract/index.ts'
import type { CodingEvents } from './background.ts'
import type { Made } from './make-coded.ts'

/** Since the start of this process. */
export interface CodingStats {
  /** Forms that were made, by coding. */
  readonly made: Readonly<Record<string, number>>
  /** Answers that wait for the encoder. */
  readonly queued: number
  /** CPU time that it took, milliseconds. */
  readonly cpuMs: number
  /** Body bytes that were not sent because a coded form was. */
  readonly savedBytes: number
  /** Why forms were not made. */
  readonly refused: Readonly<Record<string, number>>
}

export const nothingCoded: CodingStats = { made: {}, queued: 0, cpuMs: 0, savedBytes: 0, refused: {} }

export class CodingCounters implements CodingEvents {
  readonly #made: Signal<SignalValue>
  readonly #seconds: Signal<SignalValue>
  readonly #saved: Signal<SignalValue>
  readonly #refused: Signal<SignalValue>
  readonly #queued: SignalValue
  readonly #totals = { made: {} as Record<string, number>, cpuMs: 0, savedBytes: 0 }
  readonly #reasons: Record<string, number> = {}
  /** Looked up once a route and coding: the look-up joins strings. */
  readonly #savedKnown = new Map<string, Map<string, SignalValue>>()

  constructor(signals: Signals) {
    this.#made = signals.counter(
      'cache_coded_total',
      'Coded forms that were made of stored answers.',
      'route',
      'encoding',
    )
    this.#seconds = signals.counter('cache_coded_cpu_seconds_total', 'CPU time spent on coded forms.', 'encoding')
    this.#saved = signals.counter(
      'cache_coded_saved_bytes_total',
      'Body bytes that were not sent because a stored coded form was.',
      'route',
      'encoding',
    )
    this.#refused = signals.counter(
      'cache_coded_refused_total',
      'Coded forms that were not made, by reason.',
      'route',
      'reason',
    )
    this.#queued = signals.gauge('cache_coded_queue', 'Stored answers that wait for their coded forms.').with()
  }

  made(route: string, coding: string, made: Made): void {
    this.#totals.cpuMs += made.cpuMs
    this.#seconds.with(coding).add(made.cpuMs / 1000)
    if (!made.made) return this.refused(route, made.reason)
    this.#totals.made[coding] = (this.#totals.made[coding] ?? 0) + 1
    this.#made.with(route, coding).add(1)
  }

  refused(route: string, reason: string): void {
    this.#reasons[reason] = (this.#reasons[reason] ?? 0) + 1
    this.#refused.with(route, reason).add(1)
  }

  saved(route: string, coding: string, bytes: number): void {
    this.#totals.savedBytes += bytes
    const ofRoute = this.#savedKnown.get(route) ?? new Map<string, SignalValue>()
    const child = ofRoute.get(coding) ?? this.#saved.with(route, coding)
    this.#savedKnown.set(route, ofRoute.set(coding, child))
    child.add(bytes)
  }

  showQueue(length: number): void {
    this.#queued.set(length)
  }

  stats(queued: number): CodingStats {
    const { made, cpuMs, savedBytes } = this.#totals
    return { made: { ...made }, queued, cpuMs: Math.round(cpuMs), savedBytes, refused: { ...this.#reasons } }
  }
}
