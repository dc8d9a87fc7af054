/**
 * The body of one request on its HTTP/2 stream: written as fast as the origin's flow-control window lets it (RFC 9113
 * §5.2), checked against its announced length, and counted, so that an origin that takes no more is noticed.
 */
import type { ClientHttp2Stream } from 'node:http2'
import type { Readable } from 'node:stream'

/** Bytes of a whole body that are handed over at once: the count of what was taken is as fine as this. */
const SLICE_BYTES = 65_536

export interface UploadEvents {
  /** The last byte has been sent. */
  onSent(): void
  /** The body broke off, or does not have the announced length; nothing more is written. */
  onFailed(cause: Error): void
}

/** One body. It listens to its source until it is done or stopped and never destroys it. */
export class Upload {
  /** Bytes that the origin's window has let through. */
  taken = 0
  /** Bytes were read from a streamed body. */
  hasRead = false
  readonly #stream: ClientHttp2Stream
  readonly #body: Readable | Buffer
  readonly #events: UploadEvents
  /** Bytes still to come; null = not known. */
  #left: number | null
  /** END_STREAM was sent behind the last byte. */
  isSent = false
  #isComplete = false
  #isStopped = false

  constructor(stream: ClientHttp2Stream, body: Readable | Buffer, length: number | null, events: UploadEvents) {
    this.#stream = stream
    this.#body = body
    this.#left = length
    this.#events = events
  }

  /** Bytes that wait for the origin. */
  get waiting(): number {
    return this.#stream.writableLength
  }

  start(): void {
    this.#stream.once('wantTrailers', () => this.#end())
    const body = this.#body
    if (Buffer.isBuffer(body)) return this.#writeSlice(body, 0)
    if (body.readableEnded) return this.#onEnd()
    this.#stream.on('drain', this.#onDrain)
    body.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onError).on('close', this.#onClose)
    // It may have been paused by whoever had it before.
    body.resume()
  }

  #end(): void {
    if (!this.#isComplete || this.#isStopped) return
    this.isSent = true
    this.#stream.sendTrailers({})
    this.#events.onSent()
  }

  /** Reads no more from the source, which stays as it is. */
  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#detach()
  }

  #detach(): void {
    const body = this.#body
    if (Buffer.isBuffer(body)) return
    this.#stream.off('drain', this.#onDrain)
    body.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onError).off('close', this.#onClose)
    // A source that was read to its end goes on by itself: paused, it would never say so to others.
    if (!this.#isComplete) body.pause()
  }

  #writeSlice(body: Buffer, start: number): void {
    const slice = body.subarray(start, start + SLICE_BYTES)
    const next = start + slice.length
    if (next === body.length) return this.#finish(slice)
    this.#stream.write(slice, error => {
      if (hasFailed(error) || this.#isStopped) return
      this.taken = next
      this.#writeSlice(body, next)
    })
  }

  readonly #onData = (chunk: Buffer | string): void => {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    if (bytes.length === 0) return
    this.hasRead = true
    if (this.#left !== null) {
      if (bytes.length > this.#left) return this.#fail(new Error('more body than announced'))
      this.#left -= bytes.length
      if (this.#left === 0) {
        this.#finish(bytes)
        return
      }
    }
    const goesOn = this.#stream.write(bytes, error => {
      if (!hasFailed(error)) this.taken += bytes.length
    })
    if (!goesOn) (this.#body as Readable).pause()
  }

  readonly #onDrain = (): void => {
    if (!this.#isStopped) (this.#body as Readable).resume()
  }

  readonly #onEnd = (): void => {
    if (this.#left !== null && this.#left > 0) return this.#fail(new Error('less body than announced'))
    this.#finish(null)
  }

  readonly #onError = (error: Error): void => this.#fail(error)

  readonly #onClose = (): void => this.#fail(new Error('the body was closed before its end'))

  #finish(last: Buffer | null): void {
    this.#isComplete = true
    if (last === null) this.#stream.end()
    else this.#stream.end(last)
    // Once the origin has the whole body, what becomes of its source no longer matters.
    this.#detach()
  }

  #fail(cause: Error): void {
    this.stop()
    this.#events.onFailed(cause)
  }
}

function hasFailed(error: Error | null | undefined): boolean {
  return error !== null && error !== undefined
}
