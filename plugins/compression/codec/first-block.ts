/**
 * The beginning of a streamed body, held until it is worth a decision: enough bytes, all of them, or a pause. The head
 * waits for it, so the time is bounded.
 */
import type { Readable } from 'node:stream'
import type { Ticked, Ticker } from './ticker.ts'

/** Longest time that the head of an answer waits for bytes to decide on. */
export const HOLD_MS = 10

export interface FirstBlock {
  /** Empty where the origin has sent a head and nothing behind it yet. */
  readonly bytes: Buffer
  /** Nothing follows: the block is the body. */
  readonly isWhole: boolean
}

type Done = (error: Error | null, block: FirstBlock | null) => void

/** When the block is read, whatever has come by then. */
export interface BlockBounds {
  /** Bytes, about. */
  readonly limit: number
  readonly holdMs: number
  /** It is also read when nothing has come for so long. */
  readonly idleMs?: number
}

/** The stream is paused afterwards, and its errors are whoever reads on's. */
export function readFirstBlock(source: Readable, bounds: BlockBounds, ticker: Ticker, done: Done): void {
  new FirstBlockReader(source, bounds, ticker, done).begin()
}

class FirstBlockReader implements Ticked {
  bagIndex = -1
  readonly #source: Readable
  readonly #bounds: BlockBounds
  readonly #ticker: Ticker
  readonly #done: Done
  readonly #chunks: Buffer[] = []
  readonly #sinceMs = performance.now()
  #lastMs = this.#sinceMs
  #length = 0

  constructor(source: Readable, bounds: BlockBounds, ticker: Ticker, done: Done) {
    this.#source = source
    this.#bounds = bounds
    this.#ticker = ticker
    this.#done = done
  }

  begin(): void {
    const source = this.#source
    if (source.errored) return this.#done(source.errored, null)
    source.on('data', this.#onData).once('end', this.#onEnd).once('error', this.#onError).once('close', this.#onClose)
    this.#ticker.add(this)
  }

  tick(nowMs: number): void {
    const { holdMs, idleMs } = this.#bounds
    if (nowMs - this.#sinceMs >= holdMs) this.#finish(null, false)
    else if (idleMs !== undefined && nowMs - this.#lastMs >= idleMs) this.#finish(null, false)
  }

  readonly #onData = (chunk: Buffer | string): void => {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    this.#chunks.push(bytes)
    this.#length += bytes.length
    if (this.#bounds.idleMs !== undefined) this.#lastMs = performance.now()
    if (this.#length >= this.#bounds.limit) this.#finish(null, false)
  }
  readonly #onEnd = (): void => this.#finish(null, true)
  readonly #onError = (error: Error): void => this.#finish(error, false)
  readonly #onClose = (): void => this.#finish(new Error('the body was cut'), false)

  #finish(error: Error | null, isWhole: boolean): void {
    const source = this.#source
    this.#ticker.delete(this)
    source.pause()
    source.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onError).off('close', this.#onClose)
    const [only] = this.#chunks
    const bytes = this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks, this.#length)
    this.#done(error, error === null ? { bytes, isWhole } : null)
  }
}
