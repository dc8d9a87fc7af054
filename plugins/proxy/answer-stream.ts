/**
 * The body of an answer as a stream for the framework's way out: reads from the origin only as fast as it is read.
 */
import { Readable } from 'node:stream'

/** Bytes the stream takes before the origin is asked to wait. */
const HIGH_WATER_BYTES = 65_536

export interface BodySource {
  resume(): void
  abort(reason: Error): void
}

export class AnswerStream extends Readable {
  readonly #source: BodySource
  #isWhole = false

  constructor(source: BodySource) {
    super({ highWaterMark: HIGH_WATER_BYTES })
    this.#source = source
    // A hook that looks at the answer for a while has no listener yet, and an error nobody hears would end the process.
    this.on('error', () => {})
  }

  /** The origin has sent everything. */
  finish(): void {
    this.#isWhole = true
    this.push(null)
  }

  override _read(): void {
    this.#source.resume()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#isWhole) this.#source.abort(error ?? new Error('the answer was not read to its end'))
    done(error)
  }
}
