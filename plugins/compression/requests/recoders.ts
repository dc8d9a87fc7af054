/**
 * The two things that are done to the body of a request: decoding it within bounds, so that no bomb reaches the app, and
 * encoding it with what was read kept, so that it can be sent plain should the app refuse it.
 */
import { encoderStream, flushEncoder, type ZlibStream } from '../codec/codecs.ts'
import { decoderStream } from '../codec/decoders.ts'
import { FLUSH_MS } from '../codec/encoded-body.ts'
import type { Ticked, Ticker } from '../codec/ticker.ts'
import type { Coding, Decodable } from '../rules/types.ts'
import { bodyBomb, brokenBody, decodedTooLarge, decodersBusy } from './errors.ts'
import type { BytesRead, Recoder } from './recoded-body.ts'

/** Most decoders at once: each may hold a window of 16 MiB (RFC 7932 §9.1), and clients choose how long it lives. */
export const MAX_DECODERS = 32
/** Up to this many bytes no ratio makes a bomb: a page of nothing but blanks is none. */
export const RATIO_FREE_BYTES = 1024 ** 2
/** Most bytes of one body that are kept for sending it again, and of all bodies together. */
export const MAX_REPLAY_BYTES = 1024 ** 2
export const MAX_REPLAY_BYTES_IN_ALL = 32 * 1024 ** 2

/** What the running ones share. */
export class RecodersInUse {
  decoders = 0
  replayBytes = 0
}

export interface DecodeBounds {
  /** Null = no limit. */
  readonly maxBytes: number | null
  readonly maxRatio: number
}

export interface DecodeSetup {
  readonly bounds: DecodeBounds
  readonly read: BytesRead
  readonly inUse: RecodersInUse
}

export class BodyDecoder implements Recoder {
  readonly #coding: Decodable
  readonly #bounds: DecodeBounds
  readonly #read: BytesRead
  readonly #inUse: RecodersInUse

  constructor(coding: Decodable, { bounds, read, inUse }: DecodeSetup) {
    this.#coding = coding
    this.#bounds = bounds
    this.#read = read
    this.#inUse = inUse
  }

  /** @throws BodyFailure 503 when too many run */
  open(): ZlibStream {
    if (this.#inUse.decoders >= MAX_DECODERS) throw decodersBusy()
    this.#inUse.decoders++
    return decoderStream(this.#coding)
  }

  close(): void {
    this.#inUse.decoders--
  }

  take(): void {}

  check(bytesOut: number): Error | null {
    const { maxBytes, maxRatio } = this.#bounds
    if (maxBytes !== null && bytesOut > maxBytes) return decodedTooLarge(maxBytes)
    return bytesOut > RATIO_FREE_BYTES && bytesOut > this.#read() * maxRatio ? bodyBomb(maxRatio) : null
  }

  explain(cause: Error): Error {
    return brokenBody(cause)
  }
}

export interface EncodeSetup {
  readonly coding: Coding
  readonly level: number
  readonly length: number
  readonly ticker: Ticker
  readonly inUse: RecodersInUse
}

export class BodyEncoder implements Recoder, Ticked {
  bagIndex = -1
  readonly #setup: EncodeSetup
  #encoder: ZlibStream | null = null
  #kept: Buffer[] | null = []
  #keptBytes = 0
  #tookMs = 0
  #holds = false

  constructor(setup: EncodeSetup) {
    this.#setup = setup
  }

  /** All that was read of the source; null when it was too much to keep. */
  get kept(): readonly Buffer[] | null {
    return this.#kept
  }

  /** It will not be sent again. */
  drop(): void {
    this.#setup.inUse.replayBytes -= this.#keptBytes
    this.#keptBytes = 0
    this.#kept = null
  }

  open(): ZlibStream {
    const { coding, level, length, ticker } = this.#setup
    this.#encoder = encoderStream(coding, level, length)
    ticker.add(this)
    return this.#encoder
  }

  close(): void {
    this.#setup.ticker.delete(this)
  }

  take(chunk: Buffer): void {
    this.#tookMs = performance.now()
    this.#holds = true
    if (this.#kept === null) return
    const { inUse } = this.#setup
    const isFull =
      this.#keptBytes + chunk.length > MAX_REPLAY_BYTES || inUse.replayBytes + chunk.length > MAX_REPLAY_BYTES_IN_ALL
    if (isFull) return this.drop()
    this.#kept.push(chunk)
    this.#keptBytes += chunk.length
    inUse.replayBytes += chunk.length
  }

  /** A client that pauses is no reason to hold back what it has sent (an app may wait for just that). */
  tick(nowMs: number): void {
    const encoder = this.#encoder
    if (encoder === null || !this.#holds || nowMs - this.#tookMs < FLUSH_MS || encoder.writableEnded) return
    this.#holds = false
    flushEncoder(encoder, this.#setup.coding)
  }

  check(): null {
    return null
  }

  explain(cause: Error): Error {
    return cause
  }
}
