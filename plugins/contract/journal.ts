/**
 * The journal: what happened, one record an attempt and one a request, told by its owner when it is over to whoever
 * listens (metrics, analysis, the tuner). Nothing is kept here, and nobody is told anything while nobody listens.
 */

/** How an attempt at an origin ended; `5xx` is an answer, all others but `ok` are none. */
export type AttemptKind = 'ok' | '5xx' | 'connect' | 'timeout' | 'reset' | 'aborted'

/** One attempt at an origin, over. Times in milliseconds. */
export interface AttemptRecord {
  /** By `performance.now()`. */
  readonly endedMs: number
  /** Name of the group of origins; in the gateway the name of the route. */
  readonly upstream: string
  /** URL of the origin; empty when none was chosen. */
  readonly origin: string
  readonly kind: AttemptKind
  /** Status of the answer, 0 without one. */
  readonly status: number
  /** From the first byte of the request to the head of the answer, null without an answer. */
  readonly headMs: number | null
  /** From the first byte of the request to its end. */
  readonly ms: number
  /** Waited for a place at the upstream before. */
  readonly queueMs: number
  /** Requests that ran at the origin when this one began, itself and those of other groups included. */
  readonly inFlight: number
  /** 1 for the first attempt of a request. */
  readonly number: number
  readonly isHedge: boolean
  /** Open for as long as somebody listens: an event stream, a long poll. Its time says nothing of the origin's speed. */
  readonly isLongHeld: boolean
  /** Stands for the client's request, as in `ExchangeRequest.incoming`; left out = nobody waits for it. Not to be kept. */
  readonly incoming?: object | undefined
}

/** Where a client sits, as far as it decides how bytes are weighed. */
export type ClientClass = 'lan' | 'wan'

/** One request of a client, over. Times in milliseconds, sizes in bytes of the body. */
export interface RequestRecord {
  /** By `performance.now()`. */
  readonly endedMs: number
  readonly requestId: string
  readonly route: string
  readonly method: string
  /** Status that the client was sent; 499 = it left before. */
  readonly status: number
  /** `ok`, `client_left`, `origin_cut` or the stable code of what the gateway made of it instead of an answer. */
  readonly outcome: string
  readonly clientClass: ClientClass
  readonly ms: number
  readonly firstByteMs: number | null
  readonly queueMs: number
  readonly attempts: number
  /** One word of the cache, null where it had no part. */
  readonly cache: string | null
  /** Content-Encoding of the answer, null for none. */
  readonly encoding: string | null
  readonly bytesIn: number
  /** Of the answer before it was encoded here, on its way or for the store. */
  readonly bytesRaw: number
  /** Of the answer as it was sent. */
  readonly bytesOut: number
  /** Spent encoding it. */
  readonly encodeMs: number
  /** A tunnel or an event stream: its time is how long somebody stayed. */
  readonly isLongHeld: boolean
}

type Listener<T> = (record: T) => void

/** One kind of record with those who listen for it. */
export class Channel<T> {
  #listeners: readonly Listener<T>[] = []

  /** False = making a record is not worth it. */
  get isHeard(): boolean {
    return this.#listeners.length > 0
  }

  /** Returns what ends it. A listener must not throw and must not keep the record's strings without a bound. */
  listen(listener: Listener<T>): () => void {
    this.#listeners = [...this.#listeners, listener]
    return () => {
      this.#listeners = this.#listeners.filter(other => other !== listener)
    }
  }

  tell(record: T): void {
    for (const listener of this.#listeners) listener(record)
  }
}

export class Journal {
  readonly attempts = new Channel<AttemptRecord>()
  readonly requests = new Channel<RequestRecord>()
}
