/**
 * The numbers that the plugin publishes. Every label comes from configuration or from a closed set.
 */
import type { Signal, Signals, SignalValue } from '../contract/index.ts'
import type { Coding, ContentClass, Decodable, SkipReason } from './rules/types.ts'

/** The children of one route, resolved once. */
class RouteCounters {
  readonly #points = new Map<string, SignalValue>()
  readonly #skipped = new Map<SkipReason, SignalValue>()

  /** What most answers are, so that no key is put together for it. */
  skipped(signal: Signal<SignalValue>, route: string, reason: SkipReason): void {
    let point = this.#skipped.get(reason)
    if (point === undefined) {
      point = signal.with(route, reason)
      this.#skipped.set(reason, point)
    }
    point.add(1)
  }

  add(signal: Signal<SignalValue>, amount: number, labels: readonly string[]): void {
    const key = `${signal.spec.name} ${labels.slice(1).join(' ')}`
    const known = this.#points.get(key)
    if (known !== undefined) return known.add(amount)
    const point = signal.with(...labels)
    this.#points.set(key, point)
    point.add(amount)
  }
}

export interface EncodedAnswer {
  readonly route: string
  readonly coding: Coding
  readonly contentClass: ContentClass
  readonly bytesIn: number
  readonly bytesOut: number
  readonly cpuMs: number
}

export interface RecodedRequest {
  readonly route: string
  readonly coding: Decodable | 'chain'
  readonly reason: 'decoded' | 'encoded-for-origin'
  readonly bytesIn: number
  readonly bytesOut: number
}

export interface DecodedAnswer {
  readonly route: string
  readonly coding: Decodable | 'chain'
  readonly bytesIn: number
  readonly bytesOut: number
}

export interface SpentTime {
  readonly route: string
  readonly coding: Coding
  readonly contentClass: ContentClass
  readonly ms: number
}

export class CompressionCounters {
  readonly #routes = new Map<string, RouteCounters>()
  readonly #answers
  readonly #skipped
  readonly #bytesIn
  readonly #bytesOut
  readonly #seconds
  readonly #decoded
  readonly #decodedIn
  readonly #decodedOut
  readonly #requests
  readonly #requestsIn
  readonly #requestsOut
  readonly #requestsLeft

  constructor(signals: Signals) {
    const by = ['route', 'encoding', 'class'] as const
    this.#answers = signals.counter('compression_answers_total', 'Answers that were encoded.', ...by)
    this.#skipped = signals.counter('compression_skipped_total', 'Answers that were not, by reason.', 'route', 'reason')
    this.#bytesIn = signals.counter('compression_in_bytes_total', 'Bytes of answers before encoding.', ...by)
    this.#bytesOut = signals.counter('compression_out_bytes_total', 'Bytes of answers after encoding.', ...by)
    this.#seconds = signals.counter('compression_busy_seconds_total', 'Time that encoders were busy.', ...by)
    const from = ['route', 'encoding'] as const
    this.#decoded = signals.counter('compression_decoded_total', 'Answers that were decoded on their way.', ...from)
    this.#decodedIn = signals.counter('compression_decoded_in_bytes_total', 'Bytes of these as they came.', ...from)
    this.#decodedOut = signals.counter('compression_decoded_out_bytes_total', 'Bytes of these decoded.', ...from)
    const how = ['route', 'encoding', 'reason'] as const
    this.#requests = signals.counter(
      'compression_requests_total',
      'Request bodies that were decoded or encoded on their way to an app, by reason.',
      ...how,
    )
    this.#requestsIn = signals.counter('compression_requests_in_bytes_total', 'Bytes of these as they came.', ...how)
    this.#requestsOut = signals.counter('compression_requests_out_bytes_total', 'Bytes of these as sent.', ...how)
    this.#requestsLeft = signals.counter(
      'compression_requests_left_total',
      'Request bodies that were left as they came, sent again plain or refused, by reason.',
      'route',
      'reason',
    )
  }

  recoded({ route, coding, reason, bytesIn, bytesOut }: RecodedRequest): void {
    const counters = this.#of(route)
    const labels = [route, coding, reason]
    counters.add(this.#requests, 1, labels)
    counters.add(this.#requestsIn, bytesIn, labels)
    counters.add(this.#requestsOut, bytesOut, labels)
  }

  requestLeft(route: string, reason: string): void {
    this.#of(route).add(this.#requestsLeft, 1, [route, reason])
  }

  encoded({ route, coding, contentClass, bytesIn, bytesOut, cpuMs }: EncodedAnswer): void {
    const counters = this.#of(route)
    const labels = [route, coding, contentClass]
    counters.add(this.#answers, 1, labels)
    counters.add(this.#bytesIn, bytesIn, labels)
    counters.add(this.#bytesOut, bytesOut, labels)
    counters.add(this.#seconds, cpuMs / 1000, labels)
  }

  /** Whole or not: the bytes are those that went through. */
  decoded({ route, coding, bytesIn, bytesOut }: DecodedAnswer): void {
    const counters = this.#of(route)
    const labels = [route, coding]
    counters.add(this.#decoded, 1, labels)
    counters.add(this.#decodedIn, bytesIn, labels)
    counters.add(this.#decodedOut, bytesOut, labels)
  }

  /** On a body that went out plain after all. */
  spent({ route, coding, contentClass, ms }: SpentTime): void {
    this.#of(route).add(this.#seconds, ms / 1000, [route, coding, contentClass])
  }

  skipped(route: string, reason: SkipReason): void {
    this.#of(route).skipped(this.#skipped, route, reason)
  }

  #of(route: string): RouteCounters {
    const known = this.#routes.get(route)
    if (known !== undefined) return known
    const made = new RouteCounters()
    this.#routes.set(route, made)
    return made
  }
}
