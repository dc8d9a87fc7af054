/**
 * The body of a request on its way through an encoder or a decoder: as fast as both sides go, begun when somebody reads
 * it and not before, and cut where its source was cut. The source is the client's and is never destroyed.
 */
import { Readable } from 'node:stream'
import type { ZlibStream } from '../codec/codecs.ts'
import type { Decodable } from '../rules/types.ts'

/** Bytes that wait for the origin before the client has to. */
const HIGH_WATER_BYTES = 65_536

/** What is made of the bytes, and what is to be known of it. */
export interface Recoder {
  /** Called when the first byte is wanted. @throws what the body then fails with */
  open(): ZlibStream
  /** The coder is closed; called once if `open` was. */
  close(): void
  /** Bytes of the source, as they are read. */
  take(chunk: Buffer): void
  /** Looked at with every piece that comes out; an error ends the body with it. */
  check(bytesOut: number): Error | null
  /** The coder does not understand the bytes, or has come to an end before them. */
  explain(cause: Error): Error
}

export class RecodedBody extends Readable {
  bytesIn = 0
  bytesOut = 0
  readonly #source: Readable
  readonly #recoder: Recoder
  #coder: ZlibStream | null = null
  #isSourceAtEnd = false
  #isCoderAtEnd = false
  #isWhole = false

  constructor(source: Readable, recoder: Recoder) {
    super({ highWaterMark: HIGH_WATER_BYTES })
    this.#source = source
    this.#recoder = recoder
    // Told to whoever sends it; one that nobody hears would end the process.
    this.on('error', () => {})
    // By name, so that whoever keeps a copy by listening does not start the flow.
    this.pause()
  }

  /** Everything has been read from the source. */
  get isSourceAtEnd(): boolean {
    return this.#isSourceAtEnd
  }

  /** Everything has come out of the coder. */
  get isWhole(): boolean {
    return this.#isWhole
  }

  override _read(): void {
    if (this.#coder !== null) this.#coder.resume()
    else this.#begin()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (this.#coder !== null) {
      this.#detach()
      this.#coder.destroy()
      this.#recoder.close()
    }
    done(error)
  }

  #begin(): void {
    let coder: ZlibStream
    try {
      coder = this.#recoder.open()
    } catch (error) {
      return void this.destroy(error as Error)
    }
    this.#coder = coder
    coder.on('data', this.#onCoded).once('end', this.#onCoderEnd)
    coder.on('error', cause => void this.destroy(this.#recoder.explain(cause)))
    const source = this.#source
    coder.on('drain', () => {
      if (!this.#isSourceAtEnd && !this.destroyed) source.resume()
    })
    if (source.readableEnded) return this.#onEnd()
    if (source.destroyed) return this.#onClose()
    // For good: Node tells an abort a turn after it has looked whether anybody listens.
    source.on('error', ignore)
    source.on('data', this.#onData).once('end', this.#onEnd).once('error', this.#onError).once('close', this.#onClose)
    source.resume()
  }

  #detach(): void {
    const source = this.#source
    source.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onError).off('close', this.#onClose)
    if (!source.readableEnded) source.pause()
  }

  readonly #onData = (chunk: Buffer): void => {
    this.bytesIn += chunk.length
    this.#recoder.take(chunk)
    if (this.#isCoderAtEnd) return this.#failBehindEnd()
    if (this.#coder?.write(chunk) === false) this.#source.pause()
  }

  readonly #onEnd = (): void => {
    this.#isSourceAtEnd = true
    // Senders put a coding on empty bodies, too; an empty body is one in every coding.
    if (this.#isCoderAtEnd || this.bytesIn === 0) this.#finish()
    else this.#coder?.end()
  }

  #finish(): void {
    this.#isWhole = true
    this.push(null)
  }

  readonly #onError = (error: Error): void => void this.destroy(error)

  readonly #onClose = (): void => {
    if (!this.#isSourceAtEnd) this.destroy(new Error('the body was closed before its end'))
  }

  readonly #onCoded = (chunk: Buffer): void => {
    this.bytesOut += chunk.length
    const problem = this.#recoder.check(this.bytesOut)
    if (problem !== null) return void this.destroy(problem)
    if (!this.push(chunk)) this.#coder?.pause()
  }

  /** A decoder that is content before the source is has left bytes unread: a second frame, or rubbish. */
  readonly #onCoderEnd = (): void => {
    this.#isCoderAtEnd = true
    if ((this.#coder?.bytesWritten ?? 0) < this.bytesIn) return this.#failBehindEnd()
    if (this.#isSourceAtEnd) this.#finish()
  }

  #failBehindEnd(): void {
    this.destroy(this.#recoder.explain(new Error('bytes behind the end of the coding')))
  }
}

/** Bytes of the coded body that have been read so far. */
export type BytesRead = () => number

export interface DecodedBody {
  readonly body: RecodedBody
  /** The one that reads the source; the same where there is one coding. */
  readonly first: RecodedBody
}

/** A body without its codings: the one that was applied last comes off first, and each decoder has the bounds of all. */
export function decodedBody(
  source: Readable,
  codings: readonly Decodable[],
  decoderFor: (coding: Decodable, read: BytesRead) => Recoder,
): DecodedBody {
  let first: RecodedBody | null = null
  let body: RecodedBody | null = null
  const read = () => first?.bytesIn ?? 0
  for (const coding of codings.toReversed()) {
    const inner: RecodedBody | null = body
    body = new RecodedBody(inner ?? source, decoderFor(coding, read))
    // A body that nobody reads any more needs no one that feeds it.
    if (inner !== null) body.once('close', () => inner.destroy())
    first ??= body
  }
  if (body === null || first === null) throw new RangeError('a body without a coding is not decoded')
  return { body, first }
}

function ignore(): void {}
