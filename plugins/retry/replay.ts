/**
 * The body of a request, kept while it passes so that it can be sent again: up to a bound, beyond which it only flows.
 */
import type { Readable } from 'node:stream'
import type { ExchangeRequest } from '../upstream/index.ts'

export class Replay {
  readonly #source: Readable
  readonly #maxBytes: number
  #chunks: Buffer[] | null = []
  #bytes = 0

  /** `maxBytes` 0 = keep nothing: then it can only be sent as long as nobody has read of it. */
  constructor(source: Readable, maxBytes: number) {
    this.#source = source
    this.#maxBytes = maxBytes
    if (maxBytes > 0) source.on('data', this.#onData)
    else this.#chunks = null
  }

  /** Nothing of it was read, or all of it is here. */
  get isPossible(): boolean {
    return !this.#source.readableDidRead || (this.#chunks !== null && this.#source.readableEnded)
  }

  /** What the next attempt sends. */
  get body(): Pick<ExchangeRequest, 'body'>['body'] {
    if (!this.#source.readableDidRead) return this.#source
    return Buffer.concat(this.#chunks ?? [])
  }

  /** Keeps no more; the answer has begun, or nobody waits. */
  drop(): void {
    this.#chunks = null
    this.#source.off('data', this.#onData)
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#chunks === null) return
    this.#bytes += chunk.length
    if (this.#bytes > this.#maxBytes) this.drop()
    else this.#chunks.push(chunk)
  }
}
