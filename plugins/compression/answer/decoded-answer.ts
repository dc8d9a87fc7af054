/**
 * The body of an answer that its origin has encoded, on its way to a client that cannot take the coding: decoded as fast
 * as the client reads, within a bound, and cut where it is not what its label says.
 */
import { Readable } from 'node:stream'
import { upstreamFailure } from '../../upstream/index.ts'
import { decoderStream, type ZlibStream } from '../codec/codecs.ts'
import { RecodedBody, type Recoder } from '../requests/recoded-body.ts'
import { RATIO_FREE_BYTES, type RecodersInUse } from '../requests/recoders.ts'
import type { Coding } from '../rules/types.ts'
import type { DecodingPlan } from './plan.ts'

/** Most bytes for each byte of the origin's, above the free ones: gzip of nothing but zeros is half of it. */
export const MAX_ANSWER_RATIO = 2_000

class AnswerDecoder implements Recoder {
  readonly #source: Readable
  readonly #coding: Coding
  readonly #inUse: RecodersInUse

  constructor(source: Readable, coding: Coding, inUse: RecodersInUse) {
    this.#source = source
    this.#coding = coding
    this.#inUse = inUse
  }

  open(): ZlibStream {
    this.#inUse.decoders++
    return decoderStream(this.#coding)
  }

  /** Nobody else reads the source: its origin need not go on. */
  close(): void {
    this.#inUse.decoders--
    if (!this.#source.readableEnded) this.#source.destroy()
  }

  take(): void {}

  check(bytesIn: number, bytesOut: number): Error | null {
    if (bytesOut <= RATIO_FREE_BYTES || bytesOut <= bytesIn * MAX_ANSWER_RATIO) return null
    return this.explain(new Error('the answer grows too much when it is decoded'))
  }

  explain(cause: Error): Error {
    return upstreamFailure('invalid', false, cause)
  }
}

/** Its facts are filled in when it has been sent, whole or not. */
export function decodedAnswer(payload: unknown, { decode, facts }: DecodingPlan, inUse: RecodersInUse): Readable {
  const source = payload instanceof Readable ? payload : Readable.from([bytesOf(payload)])
  const body = new RecodedBody(source, new AnswerDecoder(source, decode, inUse))
  return body.once('close', () => {
    facts.bytesIn = body.bytesIn
    facts.bytesOut = body.bytesOut
  })
}

function bytesOf(payload: unknown): Buffer {
  return Buffer.isBuffer(payload) ? payload : Buffer.from(String(payload))
}
