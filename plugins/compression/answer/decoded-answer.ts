/**
 * The body of an answer that its origin has encoded, on its way to a client that cannot take the coding: decoded as fast
 * as the client reads, within a bound, and cut where it is not what its label says.
 */
import { Readable } from 'node:stream'
import { upstreamFailure } from '../../upstream/index.ts'
import type { ZlibStream } from '../codec/codecs.ts'
import { decoderStream } from '../codec/decoders.ts'
import type { WrittenFacts } from '../facts.ts'
import { type BytesRead, decodedBody, type Recoder } from '../requests/recoded-body.ts'
import { RATIO_FREE_BYTES, type RecodersInUse } from '../requests/recoders.ts'
import { type Decodable, nameOfCodings } from '../rules/types.ts'
import type { CompressionCounters } from '../signals.ts'
import type { DecodingPlan } from './plan.ts'

/** Most bytes for each byte of the origin's, above the free ones: gzip of nothing but zeros is half of it. */
export const MAX_ANSWER_RATIO = 2_000

class AnswerDecoder implements Recoder {
  readonly #coding: Decodable
  readonly #read: BytesRead
  readonly #facts: WrittenFacts
  readonly #inUse: RecodersInUse

  constructor(
    coding: Decodable,
    { read, facts, inUse }: { read: BytesRead; facts: WrittenFacts; inUse: RecodersInUse },
  ) {
    this.#coding = coding
    this.#read = read
    this.#facts = facts
    this.#inUse = inUse
  }

  open(): ZlibStream {
    this.#inUse.decoders++
    return decoderStream(this.#coding)
  }

  close(): void {
    this.#inUse.decoders--
  }

  take(): void {}

  /** Keeps the facts: whoever looks when the client leaves does so before the body is closed. */
  check(bytesOut: number): Error | null {
    this.#facts.bytesIn = this.#read()
    this.#facts.bytesOut = bytesOut
    if (bytesOut <= RATIO_FREE_BYTES || bytesOut <= this.#read() * MAX_ANSWER_RATIO) return null
    return this.explain(new Error('the answer grows too much when it is decoded'))
  }

  explain(cause: Error): Error {
    return upstreamFailure('invalid', false, cause)
  }
}

export interface DecodingSetup {
  readonly inUse: RecodersInUse
  readonly count: CompressionCounters
}

export function decodedAnswer(
  payload: unknown,
  { rules, decode, facts }: DecodingPlan,
  setup: DecodingSetup,
): Readable {
  const { inUse, count } = setup
  const source = payload instanceof Readable ? payload : Readable.from([bytesOf(payload)])
  const { body, first } = decodedBody(
    source,
    decode,
    (coding, read) => new AnswerDecoder(coding, { read, facts, inUse }),
  )
  return body.once('close', () => {
    // Nobody else reads the source: its origin need not go on.
    if (!source.readableEnded) source.destroy()
    facts.bytesIn = first.bytesIn
    facts.bytesOut = body.bytesOut
    const { bytesIn, bytesOut } = facts
    count.decoded({ route: rules.settings.route, coding: nameOfCodings(decode), bytesIn, bytesOut })
  })
}

function bytesOf(payload: unknown): Buffer {
  return Buffer.isBuffer(payload) ? payload : Buffer.from(String(payload))
}
