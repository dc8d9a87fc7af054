/**
 * Encoding for storage: what a cache keeps and sends many times is worth all the effort a coding can make, at a time when
 * nobody waits for it.
 */
import zlib from 'node:zlib'
import type { EncodableHead, EncodeDecision, VariantCodec } from '../cache/index.ts'
import { encoderForStorage, type ZlibStream } from './codec/codecs.ts'
import { decodeWhole } from './codec/decoders.ts'
import type { RouteRules } from './route-rules.ts'
import { chooseCoding } from './rules/accept-encoding.ts'
import { readAnswerFields } from './rules/answer-fields.ts'
import { decideAnswer } from './rules/decide.ts'
import { asDecodable, type Coding, codingsOf } from './rules/types.ts'

/** Encodings that wait for their turn; they run one at a time. */
const MAX_WAITING = 64
/** Between two of these an encoding can be given up. */
const SLICE_BYTES = 64 * 1024

export class StorageCodec implements VariantCodec {
  readonly codings: readonly Coding[]
  readonly #rulesOf: (route: string) => RouteRules | null
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /** `rulesOf` gives null for a route that is off or not known. */
  constructor(codings: readonly Coding[], rulesOf: (route: string) => RouteRules | null) {
    this.codings = codings
    this.#rulesOf = rulesOf
  }

  /** By the rules for every answer, asked for a client that takes everything. */
  mayEncode({ status, fields, length }: EncodableHead, route: string): EncodeDecision {
    const rules = this.#rulesOf(route)
    const [coding] = rules?.settings.codings ?? []
    if (rules === null || coding === undefined) return { encode: false, reason: 'off' }
    const request = { coding, isRange: false, noTransform: false }
    const head = { method: 'GET', status, fields: readAnswerFields(fields), length, hasTrailers: false, request }
    const decision = decideAnswer(head, rules)
    return decision.encode ? { encode: true } : { encode: false, reason: decision.reason }
  }

  /** RFC 9110 §12.5.3: `identity`, one of `offered`, or null when neither is acceptable. */
  choose(accept: string | undefined, offered: readonly string[], route: string): string | null {
    const allowed = this.#rulesOf(route)?.settings.codings ?? []
    return chooseCoding(
      accept,
      allowed.filter(coding => offered.includes(coding)),
    )
  }

  /** Rejects when aborted, when the coding is not known, or when too many wait. */
  encode(body: Buffer, coding: string, mediaType: string, signal: AbortSignal): Promise<Buffer> {
    if (!isCoding(coding)) return Promise.reject(new Error(`no encoder for ${coding}`))
    if (this.#waiting >= MAX_WAITING) return Promise.reject(new Error('too many encodings wait'))
    this.#waiting++
    const turn = this.#last.then(async () => {
      signal.throwIfAborted()
      return collect(encoderForStorage(coding, body.length, mediaType.startsWith('text/')), body, signal)
    })
    this.#last = turn.catch(() => {}).finally(() => this.#waiting--)
    return turn
  }

  needsPlain(accept: string | undefined, contentEncoding: string, route: string): boolean {
    const rules = this.#rulesOf(route)
    const codings = rules === null ? null : asDecodable(codingsOf(contentEncoding))
    return codings?.some(coding => rules?.needsPlain(accept, coding)) ?? false
  }

  async decode(body: Buffer, coding: string, maxBytes: number): Promise<Buffer> {
    const codings = asDecodable(codingsOf(coding))
    if (codings === null) throw new Error(`no decoder for ${coding}`)
    let bytes = body
    for (const each of codings.toReversed()) bytes = await decodeWhole(bytes, each, maxBytes)
    return bytes
  }
}

function isCoding(coding: string): coding is Coding {
  return coding === 'br' || coding === 'gzip' || (coding === 'zstd' && typeof zlib.zstdCompressSync === 'function')
}

/** The whole output, written in slices by a thread of the pool. */
function collect(encoder: ZlibStream, body: Buffer, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const abort = () => void encoder.destroy(signal.reason as Error)
    signal.addEventListener('abort', abort, { once: true })
    encoder.on('data', (chunk: Buffer) => chunks.push(chunk))
    encoder.once('error', reject)
    encoder.once('end', () => resolve(Buffer.concat(chunks)))
    encoder.once('close', () => signal.removeEventListener('abort', abort))
    const write = (at: number) => {
      if (encoder.destroyed) return
      if (at >= body.length) return void encoder.end()
      encoder.write(body.subarray(at, at + SLICE_BYTES), () => write(at + SLICE_BYTES))
    }
    write(0)
  })
}
