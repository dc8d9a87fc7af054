/**
 * What is sent in place of a request whose body is decoded or encoded, and what its answer and its end mean.
 */
import type { Readable } from 'node:stream'
import type { ExchangeRequest } from '../../upstream/index.ts'
import type { Ticker } from '../codec/ticker.ts'
import { chooseCoding } from '../rules/accept-encoding.ts'
import { type Coding, type Decodable, nameOfCodings } from '../rules/types.ts'
import type { CompressionCounters } from '../signals.ts'
import type { BodyPlan } from './body-exchange.ts'
import { codingWithdrawn, reasonOf } from './errors.ts'
import { JoinedBody } from './joined-body.ts'
import type { LearnedCodings, Resource } from './learned.ts'
import { decodedBody, RecodedBody } from './recoded-body.ts'
import { BodyDecoder, BodyEncoder, type DecodeBounds, type RecodersInUse } from './recoders.ts'
import { decodedHead, encodedHead } from './request-fields.ts'

/** Bodies up to this size are waited for, so that they go out with a Content-Length; longer ones stream. */
export const HOLD_BYTES = 64 * 1024
/** A whole body has to become shorter by this much to be worth a coding. */
const WORTH = 0.97
const UNSUPPORTED_MEDIA_TYPE = 415
/** The client left in the middle, or the app answered or died before it had read the body. */
const UNFINISHED = 'unfinished'

export interface PlanParts {
  readonly route: string
  readonly count: CompressionCounters
  readonly ticker: Ticker
  readonly inUse: RecodersInUse
  readonly learned: LearnedCodings
  readonly resource: Resource
  /** Tells what happened, for the notes of the request. */
  note(reason: string): void
}

/** A client that waits for 100 gets it when an origin reads, not before (RFC 9110 §10.1.1): nothing is read ahead. */
function holdFor(length: number | null, expects: boolean): number {
  return length !== null && length <= HOLD_BYTES && !expects ? HOLD_BYTES : 0
}

interface Sending {
  readonly request: ExchangeRequest
  /** The client waits for 100 Continue. */
  readonly expects: boolean
}

interface Decoding extends Sending {
  readonly codings: readonly Decodable[]
}

interface Encoding extends Sending {
  readonly coding: Coding
}

export function decodePlan(
  { request, codings, expects }: Decoding,
  bounds: DecodeBounds,
  { route, count, inUse }: PlanParts,
): BodyPlan {
  const source = request.body as Readable
  const { body, first } = decodedBody(
    source,
    codings,
    (coding, read) => new BodyDecoder(coding, { bounds, read, inUse }),
  )
  const coding = nameOfCodings(codings)
  return {
    request: { ...request, headers: decodedHead(request.headers) },
    body,
    holdBytes: holdFor(request.bodyLength, expects),
    insteadOf: () => null,
    afterHead: () => null,
    end: failure => {
      if (failure !== null) count.requestLeft(route, reasonOf(failure))
      else if (!body.isWhole) count.requestLeft(route, UNFINISHED)
      else count.recoded({ route, coding, reason: 'decoded', bytesIn: first.bytesIn, bytesOut: body.bytesOut })
    },
  }
}

export function encodePlan({ request, coding, expects }: Encoding, level: number, parts: PlanParts): BodyPlan {
  const { ticker, inUse } = parts
  const length = request.bodyLength as number
  const encoder = new BodyEncoder({ coding, level, length, ticker, inUse })
  return new EncodePlan({ request, coding, expects }, encoder, parts)
}

class EncodePlan implements BodyPlan {
  readonly request: ExchangeRequest
  readonly body: RecodedBody
  readonly holdBytes: number
  readonly #plain: ExchangeRequest
  readonly #coding: Coding
  readonly #encoder: BodyEncoder
  readonly #parts: PlanParts
  /** It was refused encoded. */
  #isRefused = false
  /** And nothing in the refusal says that it was for the coding. */
  #isDoubted = false
  #isPlain = false

  constructor({ request, coding, expects }: Encoding, encoder: BodyEncoder, parts: PlanParts) {
    this.#plain = request
    this.#coding = coding
    this.#encoder = encoder
    this.#parts = parts
    this.request = { ...request, headers: encodedHead(request.headers, coding) }
    this.body = new RecodedBody(request.body as Readable, encoder)
    this.holdBytes = holdFor(request.bodyLength, expects)
  }

  /** What did not shrink goes out as it came. */
  insteadOf(whole: Buffer): ExchangeRequest | null {
    const { kept } = this.#encoder
    if (kept === null || whole.length <= this.body.bytesIn * WORTH) return null
    this.#isPlain = true
    this.#parts.note('no-gain')
    return { ...this.#plain, body: Buffer.concat(kept) }
  }

  afterHead(status: number, rawHeaders: readonly string[], isPlain: boolean): ExchangeRequest | Error | null {
    const isRefusal = status === UNSUPPORTED_MEDIA_TYPE
    if (isRefusal && !isPlain) return this.#sendPlain(rawHeaders)
    // Refused plain as well: the type was what is not supported, and nothing is known of the coding.
    if (this.#isDoubted && !isRefusal) this.#parts.learned.refuse(this.#parts.resource, performance.now())
    this.#encoder.drop()
    return null
  }

  end(failure: Error | null): void {
    const { route, count } = this.#parts
    const { bytesIn, bytesOut } = this.body
    this.#encoder.drop()
    if (failure !== null) count.requestLeft(route, reasonOf(failure))
    else if (this.#isRefused) count.requestLeft(route, 'sent-plain')
    else if (this.#isPlain) count.requestLeft(route, 'no-gain')
    else if (!this.body.isWhole) count.requestLeft(route, UNFINISHED)
    else count.recoded({ route, coding: this.#coding, reason: 'encoded-for-origin', bytesIn, bytesOut })
  }

  /** RFC 9110 §15.5.16: an app that refuses with 415 has not acted on the request, so any method may be sent again. */
  #sendPlain(rawHeaders: readonly string[]): ExchangeRequest | Error {
    const { learned, resource, note } = this.#parts
    const now = performance.now()
    const accepts = acceptEncodingOf(rawHeaders)
    const { kept } = this.#encoder
    this.#isRefused = true
    if (accepts !== null) learned.note(resource, accepts, now)
    // A resource that asks for the coding in the same breath does not mean it.
    this.#isDoubted = accepts === null || chooseCoding(accepts, [this.#coding]) === this.#coding
    if (kept === null) {
      if (this.#isDoubted) learned.refuse(resource, now)
      return codingWithdrawn()
    }
    note('sent-plain')
    const source = this.#plain.body as Readable
    const body = this.body.isSourceAtEnd ? Buffer.concat(kept) : new JoinedBody(kept, source)
    return { ...this.#plain, body }
  }
}

function acceptEncodingOf(rawHeaders: readonly string[]): string | null {
  let value: string | null = null
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length !== 15 || name.toLowerCase() !== 'accept-encoding') continue
    value = value === null ? (rawHeaders[i + 1] as string) : `${value}, ${rawHeaders[i + 1]}`
  }
  return value
}
