/**
 * A body on its way through an encoder: as fast as both sides go, flushed whenever the source pauses, and cut where the
 * source was cut, so that no encoder makes a broken answer whole.
 */
import type { Readable } from 'node:stream'
import type { Coding } from '../rules/types.ts'
import { encoderStream, flushEncoder, type ZlibStream } from './codecs.ts'
import type { Ticked, Ticker } from './ticker.ts'

/** A source that has been silent for this long pauses: what the encoder holds is sent (demands B5). */
export const FLUSH_MS = 10

/** The source waits while so much has come that the encoder has not begun with. */
const MAX_WAITING_BYTES = 256 * 1024

export interface EncodedBodySetup {
  readonly source: Readable
  /** Bytes that were read already. */
  readonly first: Buffer
  readonly coding: Coding
  readonly level: number
  /** Of the whole body, null when not known. */
  readonly length: number | null
  readonly ticker: Ticker
  /** Kept up to date: whoever looks when the client leaves does so before the encoder is closed. */
  readonly progress: EncodingProgress
  /** Told once, whole or not. Bytes in and out, and the time that the encoder was busy in ms. */
  onEnd(ended: EncodingEnd): void
}

/** Bytes that the encoder has used and made, and the time that it was busy, in ms. */
export interface EncodingProgress {
  bytesIn: number
  bytesOut: number
  cpuMs: number
}

export interface EncodingEnd {
  readonly bytesIn: number
  readonly bytesOut: number
  readonly busyMs: number
  readonly isWhole: boolean
}

export function encodeBody(setup: EncodedBodySetup): Readable {
  return new EncodedBody(setup).begin()
}

class EncodedBody implements Ticked {
  bagIndex = -1
  readonly #setup: EncodedBodySetup
  readonly #encoder: ZlibStream
  /** What has come while the encoder was at work. */
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #isWriting = false
  #hasEnded = false
  #wroteMs = 0
  #holds = false
  #isOver = false

  constructor(setup: EncodedBodySetup) {
    this.#setup = setup
    this.#encoder = encoderStream(setup.coding, setup.level, setup.length)
  }

  begin(): Readable {
    const setup = this.#setup
    const { source, first, ticker } = setup
    const encoder = this.#encoder
    const push = encoder.push.bind(encoder)
    encoder.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
      if (chunk !== null) setup.progress.bytesOut += chunk.length
      return push(chunk, encoding)
    }
    encoder.once('close', () => this.#close())
    // Heard by whoever sends it too; one that nobody hears would end the process.
    encoder.on('error', () => {})
    ticker.add(this)
    this.#take(first)
    source.on('data', (chunk: Buffer | string) => this.#take(chunk))
    source.once('end', () => {
      this.#hasEnded = true
      if (!this.#isWriting) encoder.end()
    })
    source.once('error', error => encoder.destroy(error))
    source.once('close', () => this.#sourceClosed())
    source.resume()
    return encoder
  }

  tick(nowMs: number): void {
    if (!this.#holds || this.#isWriting || nowMs - this.#wroteMs < FLUSH_MS || this.#encoder.writableEnded) return
    this.#flush()
  }

  #take(chunk: Buffer | string): void {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    if (bytes.length === 0) return
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    if (!this.#isWriting) this.#write()
    else if (this.#waitingBytes >= MAX_WAITING_BYTES) this.#setup.source.pause()
  }

  /** All that waits, as one job for the thread pool: the fewer jobs, the less of the time is spent on handing over. */
  #write(): void {
    const isFirst = this.#wroteMs === 0
    const bytes = this.#waiting.length === 1 ? (this.#waiting[0] as Buffer) : Buffer.concat(this.#waiting)
    this.#waiting = []
    this.#waitingBytes = 0
    this.#isWriting = true
    this.#holds = true
    const began = performance.now()
    this.#wroteMs = began
    this.#encoder.write(bytes, () => this.#written(began))
    // brotli says nothing before it has read some hundred KiB; told to, it sends the beginning at once, for no more bytes.
    if (isFirst) this.#flush()
  }

  #written(beganMs: number): void {
    const { progress, source } = this.#setup
    this.#isWriting = false
    progress.cpuMs += performance.now() - beganMs
    // What waits in front of the encoder for a client that is gone is not encoded, and saves nothing.
    progress.bytesIn = this.#encoder.bytesWritten
    if (this.#encoder.destroyed) return
    if (this.#waitingBytes > 0) this.#write()
    else if (this.#hasEnded) return void this.#encoder.end()
    source.resume()
  }

  #flush(): void {
    this.#holds = false
    flushEncoder(this.#encoder, this.#setup.coding)
  }

  #sourceClosed(): void {
    const { source } = this.#setup
    if (!source.readableEnded && !this.#encoder.destroyed) this.#encoder.destroy(new Error('the body was cut'))
  }

  #close(): void {
    if (this.#isOver) return
    this.#isOver = true
    const { source, ticker, progress, onEnd } = this.#setup
    ticker.delete(this)
    if (!source.destroyed && !source.readableEnded) source.destroy()
    const isWhole = this.#encoder.readableEnded
    onEnd({ bytesIn: progress.bytesIn, bytesOut: progress.bytesOut, busyMs: progress.cpuMs, isWhole })
  }
}
