/**
 * A body in two parts: what was read of it and kept, and the source that has the rest. Nothing is read before somebody
 * reads it, and the source is never destroyed: it is the client's.
 */
import { Readable } from 'node:stream'

/** Bytes that it takes before the source has to wait. */
const HIGH_WATER_BYTES = 65_536

export class JoinedBody extends Readable {
  #first: readonly Buffer[] | null
  readonly #rest: Readable
  #isAttached = false

  constructor(first: readonly Buffer[], rest: Readable) {
    super({ highWaterMark: HIGH_WATER_BYTES })
    this.#first = first
    this.#rest = rest
    this.on('error', () => {})
    // By name, so that whoever listens without reading does not start the flow.
    this.pause()
  }

  override _read(): void {
    if (this.#first !== null) {
      const first = this.#first
      this.#first = null
      for (const chunk of first) this.push(chunk)
      if (first.length > 0) return
    }
    if (!this.#isAttached) this.#attach()
    this.#rest.resume()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#detach()
    done(error)
  }

  #attach(): void {
    const rest = this.#rest
    if (rest.readableEnded) return this.#onEnd()
    if (rest.destroyed) return this.#onClose()
    this.#isAttached = true
    rest.on('data', this.#onData).once('end', this.#onEnd).once('error', this.#onError).once('close', this.#onClose)
  }

  #detach(): void {
    if (!this.#isAttached) return
    this.#isAttached = false
    const rest = this.#rest
    rest.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onError).off('close', this.#onClose)
    if (!rest.readableEnded) rest.pause()
  }

  readonly #onData = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.#rest.pause()
  }
  readonly #onEnd = (): void => {
    this.push(null)
  }
  readonly #onError = (error: Error): void => void this.destroy(error)
  readonly #onClose = (): void => void this.destroy(new Error('the body was closed before its end'))
}
