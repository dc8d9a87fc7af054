/**
 * Carries received bytes to the handler of the exchange, event by event; holds them back while the handler has paused,
 * never more than what had been received by then.
 */
import { type UpstreamFailure, upstreamFailure } from '../errors.ts'
import { AnswerReader } from './answer-reader.ts'
import type { H1Exchange } from './h1-exchange.ts'

/** `whole`: the answer is complete and nothing is left over; `surplus`: complete, with bytes behind it. */
export type FeedOutcome = 'open' | 'whole' | 'surplus' | UpstreamFailure

export class AnswerFeed {
  readonly #reader: AnswerReader
  #held: Buffer | null = null
  #isDelivering = false

  constructor(maxHeadBytes: number, maxInterim: number) {
    this.#reader = new AnswerReader(maxHeadBytes, maxInterim)
  }

  /** Ready for the answer to a request of this method. */
  start(method: string): void {
    this.#reader.reset(method)
  }

  get hasHeld(): boolean {
    return this.#held !== null
  }

  get heldBytes(): number {
    return this.#held?.length ?? 0
  }

  /** The handler is being called this very moment, from further down the stack. */
  get isDelivering(): boolean {
    return this.#isDelivering
  }

  /** By its head, the answer that has ended leaves the connection open. */
  get isPersistent(): boolean {
    return this.#reader.persistent
  }

  get keepAliveHintMs(): number | null {
    return this.#reader.keepAliveHintMs
  }

  get trailers(): string[] | null {
    return this.#reader.trailers
  }

  /** @param isOurs the handler may be given the bytes themselves, and not a copy */
  push(exchange: H1Exchange, bytes: Buffer, isOurs: boolean): FeedOutcome {
    if (exchange.paused) {
      this.#hold(bytes)
      return 'open'
    }
    this.#isDelivering = true
    try {
      return this.#deliver(exchange, bytes, isOurs)
    } catch (thrown) {
      return upstreamFailure('aborted', false, thrown)
    } finally {
      this.#isDelivering = false
    }
  }

  /** The handler goes on: hands over what was held back. */
  release(exchange: H1Exchange): FeedOutcome {
    const held = this.#held
    if (held === null) return 'open'
    this.#held = null
    return this.push(exchange, held, true)
  }

  /** What it means for the answer that the origin sends no more; `cause` is null if it closed properly. */
  finish(exchange: H1Exchange, cause: Error | null): FeedOutcome {
    const outcome = this.#reader.finish(cause === null)
    return outcome === 'end' ? 'whole' : upstreamFailure(outcome, !exchange.isSent, cause ?? undefined)
  }

  drop(): void {
    this.#held = null
  }

  #deliver(exchange: H1Exchange, bytes: Buffer, isOurs: boolean): FeedOutcome {
    const reader = this.#reader
    let at = 0
    while (!exchange.isOver) {
      if (exchange.paused) {
        if (at < bytes.length || reader.isEnding) this.#hold(bytes.subarray(at))
        return 'open'
      }
      const step = reader.next(bytes, at)
      at = reader.position
      if (step === 'data') exchange.content((isOurs ? slice : copy)(bytes, reader.dataStart, reader.dataEnd))
      else if (step === 'head') exchange.head(reader.status, reader.headers, reader.message)
      else if (step === 'end') return at === bytes.length ? 'whole' : 'surplus'
      else if (step === 'more') return 'open'
      else return upstreamFailure(step, false, new Error(reader.problem))
    }
    return 'open'
  }

  /** A copy: the buffer that bytes arrive in may be used again. */
  #hold(bytes: Buffer): void {
    this.#held = this.#held === null ? Buffer.from(bytes) : Buffer.concat([this.#held, bytes])
  }
}

function slice(bytes: Buffer, start: number, end: number): Buffer {
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end)
}

function copy(bytes: Buffer, start: number, end: number): Buffer {
  const own = Buffer.allocUnsafe(end - start)
  bytes.copy(own, 0, start, end)
  return own
}
