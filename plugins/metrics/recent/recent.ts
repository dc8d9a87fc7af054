/**
 * The last requests with what was decided about each, for the question "why": a bounded ring, oldest first.
 */
import { type ExchangeEntry, type Note, notesOf } from '../../contract/index.ts'

/** Requests that are kept. */
export const MAX_RECENT = 1000
/** Longest target that is kept, so that the whole ring has a bound of a few MiB. */
export const MAX_URL = 2048

/** One request that is over, as it was: texts are not redacted here. */
export interface RecentRequest {
  /** Grows by one with each request. */
  readonly number: number
  /** When it ended, in ms since 1970. */
  readonly atMs: number
  readonly entry: ExchangeEntry
  readonly notes: readonly Note[]
}

export class RecentRequests {
  readonly #ring: RecentRequest[] = []
  #next = 0

  /** @param noted carries the request's notes */
  add(entry: ExchangeEntry, noted: object, atMs: number): void {
    const url = entry.url.length > MAX_URL ? copied(entry.url.slice(0, MAX_URL)) : entry.url
    const kept = url === entry.url ? entry : { ...entry, url }
    this.#ring[this.#next % MAX_RECENT] = { number: this.#next, atMs, entry: kept, notes: notesOf(noted) }
    this.#next++
  }

  /** Requests after number `after`, the youngest first, that `matches`, at most `limit`. */
  list(limit: number, after = -1, matches: (request: RecentRequest) => boolean = () => true): RecentRequest[] {
    const found: RecentRequest[] = []
    for (let number = this.#next - 1; number > after && found.length < limit; number--) {
      const request = this.#ring[number % MAX_RECENT]
      if (request === undefined || request.number !== number) break
      if (matches(request)) found.push(request)
    }
    return found
  }

  /** The youngest request of this id. */
  find(requestId: string): RecentRequest | null {
    return this.list(1, -1, ({ entry }) => entry.requestId === requestId)[0] ?? null
  }
}

/** A slice keeps the whole text alive in V8. */
function copied(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
