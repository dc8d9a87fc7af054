/**
 * The signals of one route's requests, looked up once for each combination of words, so that counting is additions.
 */
import type { Observed, RequestRecord, Signal, Signals, SignalValue } from '../../contract/index.ts'
import { cacheWord, encodingWord, methodWord, outcomeWord, statusClass } from './words.ts'

/** Every request signal of an app. */
export interface RequestSignals {
  readonly requests: Signal<SignalValue>
  readonly outcomes: Signal<SignalValue>
  readonly seconds: Signal<Observed>
  readonly firstByte: Signal<Observed>
  readonly longHeld: Signal<SignalValue>
  readonly received: Signal<SignalValue>
  readonly sent: Signal<SignalValue>
  readonly raw: Signal<SignalValue>
  readonly encodeSeconds: Signal<SignalValue>
  readonly attempts: Signal<SignalValue>
  readonly queueSeconds: Signal<SignalValue>
}

export function declareRequestSignals(signals: Signals): RequestSignals {
  return {
    requests: signals.counter(
      'requests_total',
      'Requests that are over; status_class is none where the client got no status.',
      ...['route', 'method', 'status_class', 'cache'],
    ),
    outcomes: signals.counter(
      'request_outcomes_total',
      'Requests by how they ended: ok, client_left, origin_cut or the code of an error.',
      ...['route', 'reason'],
    ),
    seconds: signals.histogram(
      'request_duration_seconds',
      'Time from the head of a request to the end of its answer, without tunnels and event streams.',
      'route',
    ),
    firstByte: signals.histogram(
      'request_first_byte_seconds',
      'Time from the head of a request to the head of its answer, without tunnels and event streams.',
      'route',
    ),
    longHeld: signals.counter('long_held_requests_total', 'Tunnels and event streams that are over.', 'route'),
    received: signals.counter('request_body_bytes_total', 'Body bytes received from clients.', 'route'),
    sent: signals.counter(
      'response_body_bytes_total',
      'Body bytes sent to clients, as encoded.',
      ...['route', 'encoding'],
    ),
    raw: signals.counter(
      'response_raw_bytes_total',
      'The same body bytes before this gateway encoded them.',
      ...['route', 'encoding'],
    ),
    encodeSeconds: signals.counter('encode_cpu_seconds_total', 'CPU time spent encoding answers.', 'route', 'encoding'),
    attempts: signals.counter('request_attempts_total', 'Times that requests were sent to an origin.', 'route'),
    queueSeconds: signals.counter('request_queue_seconds_total', 'Time that requests waited for a place.', 'route'),
  }
}

/** Most combinations that are remembered for a route; words are few, so this is never reached but by a mistake. */
const MAX_REMEMBERED = 512

interface CodingMeters {
  readonly sent: SignalValue
  readonly raw: SignalValue
  readonly encodeSeconds: SignalValue
}

export class RouteMeters {
  readonly #route: string
  readonly #signals: RequestSignals
  readonly #requests = new Map<string, SignalValue>()
  /** The combination of the last request, which is most often that of the next: to make its key costs more than the rest. */
  #last: { method: string; hundreds: number; cache: string | null; point: SignalValue } | null = null
  readonly #outcomes = new Map<string, SignalValue>()
  readonly #codings = new Map<string | null, CodingMeters>()
  readonly #seconds: Observed
  readonly #firstByte: Observed
  readonly #received: SignalValue
  readonly #attempts: SignalValue
  readonly #queueSeconds: SignalValue

  constructor(route: string, signals: RequestSignals) {
    this.#route = route
    this.#signals = signals
    this.#seconds = signals.seconds.with(route)
    this.#firstByte = signals.firstByte.with(route)
    this.#received = signals.received.with(route)
    this.#attempts = signals.attempts.with(route)
    this.#queueSeconds = signals.queueSeconds.with(route)
  }

  record(record: RequestRecord): void {
    this.#request(record.method, record.status, record.cache).value++
    this.#outcome(record.outcome).value++
    const coding = this.#coding(record.encoding)
    coding.sent.value += record.bytesOut
    coding.raw.value += record.bytesRaw
    coding.encodeSeconds.value += record.encodeMs / 1000
    this.#received.value += record.bytesIn
    this.#attempts.value += record.attempts
    this.#queueSeconds.value += record.queueMs / 1000
    if (record.isLongHeld) return this.#signals.longHeld.with(this.#route).add(1)
    this.#seconds.observe(record.ms / 1000)
    if (record.firstByteMs !== null) this.#firstByte.observe(record.firstByteMs / 1000)
  }

  #request(method: string, status: number, cache: string | null): SignalValue {
    const hundreds = Math.floor(status / 100)
    const last = this.#last
    if (last !== null && last.hundreds === hundreds && last.method === method && last.cache === cache) return last.point
    const point = this.#requestPoint(method, status, cache)
    this.#last = { method, hundreds, cache, point }
    return point
  }

  #requestPoint(method: string, status: number, cache: string | null): SignalValue {
    const key = `${method} ${Math.floor(status / 100)} ${cache}`
    const known = this.#requests.get(key)
    if (known !== undefined) return known
    const made = this.#signals.requests.with(this.#route, methodWord(method), statusClass(status), cacheWord(cache))
    if (this.#requests.size < MAX_REMEMBERED) this.#requests.set(key, made)
    return made
  }

  #outcome(outcome: string): SignalValue {
    const known = this.#outcomes.get(outcome)
    if (known !== undefined) return known
    const made = this.#signals.outcomes.with(this.#route, outcomeWord(outcome))
    if (this.#outcomes.size < MAX_REMEMBERED) this.#outcomes.set(outcome, made)
    return made
  }

  /** The key is what an origin wrote: remembered in small number only. */
  #coding(encoding: string | null): CodingMeters {
    const known = this.#codings.get(encoding)
    if (known !== undefined) return known
    const labels = [this.#route, encodingWord(encoding)]
    const { sent, raw, encodeSeconds } = this.#signals
    const made = {
      sent: sent.with(...labels),
      raw: raw.with(...labels),
      encodeSeconds: encodeSeconds.with(...labels),
    }
    if (this.#codings.size < MAX_REMEMBERED) this.#codings.set(encoding, made)
    return made
  }
}
