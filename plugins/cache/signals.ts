/**
 * The numbers that the cache publishes, by route and by a closed set of words.
 */
import type { Signal, Signals, SignalValue } from '../contract/index.ts'
import type { Passage } from './passage.ts'

/** What became of a request. */
export type Outcome =
  | 'hit'
  | 'stale'
  | 'revalidated'
  | 'miss'
  | 'coalesced'
  | 'bypass'
  | 'stale-if-error'
  | 'only-if-cached'

/** Children that have been looked up, by route and word: the look-up joins strings. As many as there are series. */
type Children = Map<string, Map<string, SignalValue>>

function childOf(signal: Signal<SignalValue>, known: Children, route: string, word: string): SignalValue {
  const ofRoute = known.get(route) ?? new Map<string, SignalValue>()
  const child = ofRoute.get(word) ?? signal.with(route, word)
  known.set(route, ofRoute)
  ofRoute.set(word, child)
  return child
}

export class CacheCounters {
  readonly #requests
  readonly #stored
  readonly #refused
  readonly #bytes
  readonly #releases
  readonly #requestsKnown: Children = new Map()
  readonly #refusedKnown: Children = new Map()
  readonly #bytesKnown: Children = new Map()
  readonly outcomes: Record<string, number> = {}

  constructor(signals: Signals) {
    this.#requests = signals.counter('cache_requests_total', 'Requests by what the cache did.', 'route', 'outcome')
    this.#stored = signals.counter('cache_stored_total', 'Answers that were stored.', 'route')
    this.#refused = signals.counter(
      'cache_refused_total',
      'Answers that were not stored, by reason.',
      'route',
      'reason',
    )
    this.#releases = signals.counter(
      'cache_releases_total',
      'Other start pages of an app, at which what was stored of the release before was forgotten.',
      'route',
    )
    this.#bytes = signals.counter('cache_bytes_total', 'Body bytes sent, by their source.', 'route', 'source')
  }

  outcome(passage: Passage, outcome: Outcome): void {
    passage.outcome = outcome
    this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + 1
    childOf(this.#requests, this.#requestsKnown, passage.scope.route, outcome).add(1)
  }

  /** Another start page has come, and what was stored of the release before is gone. */
  releaseFollowed(route: string): void {
    this.#releases.with(route).add(1)
  }

  committed(route: string): void {
    this.#stored.with(route).add(1)
  }

  refused(route: string, reason: string): void {
    childOf(this.#refused, this.#refusedKnown, route, reason).add(1)
  }

  bytesFromStore(route: string, bytes: number): void {
    childOf(this.#bytes, this.#bytesKnown, route, 'store').add(bytes)
  }
}
