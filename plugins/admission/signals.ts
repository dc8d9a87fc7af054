/**
 * The numbers that admission publishes, by the group of origins and a closed set of words.
 */
import type { Observed, Signals, SignalValue } from '../contract/index.ts'
import { SHED_REASONS, type ShedReason } from './errors.ts'

/** What all groups of the same origins have in common. */
export interface LimitNow {
  readonly limit: number
  readonly foundAtFirst: number
  readonly aloneAtFirstMs: number
}

export class LaneCounters {
  readonly limit: SignalValue
  readonly foundAtFirst: SignalValue
  readonly aloneAtFirst: SignalValue
  readonly inFlight: SignalValue
  readonly waiting: SignalValue
  readonly held: SignalValue
  readonly overloaded: SignalValue
  readonly waits: Observed
  readonly left: SignalValue
  readonly #shed: Readonly<Record<ShedReason, SignalValue>>
  readonly #forget: () => void

  constructor(signals: Signals, upstream: string) {
    const gauge = (name: string, help: string) => signals.gauge(`admission_${name}`, help, 'upstream')
    const gauges = [
      gauge('limit', 'Requests that may run at once.'),
      signals.gauge('admission_found_at_first', 'Limit that the first crowd has shown; 0 = none.', 'upstream'),
      signals.gauge('admission_alone_at_first_seconds', 'Answers of the first crowd alone.', 'upstream'),
      gauge('in_flight', 'Requests that hold a place.'),
      gauge('waiting', 'Requests that wait for a place.'),
      gauge('held', 'Requests that run without a place: event streams, long polls, long transfers.'),
      gauge('overloaded', '1 while more comes than the origins can answer.'),
    ]
    const [limit, foundAtFirst, aloneAtFirst, inFlight, waiting, held, overloaded] = gauges.map(signal =>
      signal.with(upstream),
    ) as [SignalValue, SignalValue, SignalValue, SignalValue, SignalValue, SignalValue, SignalValue]
    this.limit = limit
    this.foundAtFirst = foundAtFirst
    this.aloneAtFirst = aloneAtFirst
    this.inFlight = inFlight
    this.waiting = waiting
    this.held = held
    this.overloaded = overloaded
    const waits = signals.histogram('admission_wait_seconds', 'Wait of requests that found no place free.', 'upstream')
    const left = signals.counter('admission_left_total', 'Requests whose client left while they waited.', 'upstream')
    const shed = signals.counter('admission_shed_total', 'Requests refused, by reason.', 'upstream', 'reason')
    this.waits = waits.with(upstream)
    this.left = left.with(upstream)
    const children = SHED_REASONS.map(reason => [reason, shed.with(upstream, reason)])
    this.#shed = Object.fromEntries(children) as Record<ShedReason, SignalValue>
    this.#forget = () => {
      for (const signal of gauges) signal.drop(upstream)
      waits.drop(upstream)
      left.drop(upstream)
      for (const reason of SHED_REASONS) shed.drop(upstream, reason)
    }
  }

  show(
    { inFlight, waiting, held }: { readonly inFlight: number; readonly waiting: number; readonly held: number },
    { limit, foundAtFirst, aloneAtFirstMs }: LimitNow,
    isOverloaded: boolean,
  ): void {
    this.limit.set(limit)
    this.foundAtFirst.set(foundAtFirst)
    this.aloneAtFirst.set(aloneAtFirstMs / 1000)
    this.inFlight.set(inFlight)
    this.waiting.set(waiting)
    this.held.set(held)
    this.overloaded.set(isOverloaded ? 1 : 0)
  }

  shed(reason: ShedReason): void {
    this.#shed[reason].add(1)
  }

  /** Takes its numbers out of the signals. */
  forget(): void {
    this.#forget()
  }
}
