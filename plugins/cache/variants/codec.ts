/**
 * What the cache asks of whoever can encode: given with `app.cache.encodeWith(codec)`. The cache knows no codec and no
 * level itself.
 */

/** The head of an answer as far as it decides whether the answer may be encoded. */
export interface EncodableHead {
  readonly status: number
  /** Flat, as they are stored. */
  readonly fields: readonly string[]
  /** Bytes of the body. */
  readonly length: number
}

export type EncodeDecision = { readonly encode: true } | { readonly encode: false; readonly reason: string }

export interface VariantCodec {
  /** Codings that can be made for storage, the server's preference first: `zstd`, `br`, `gzip`. */
  readonly codings: readonly string[]
  /** Whether an answer with this head may be stored encoded, with the reason (media type, no-transform, size, …). */
  mayEncode(head: EncodableHead, route: string): EncodeDecision
  /**
   * RFC 9110 §12.5.3: the best of `offered` and `identity` for this Accept-Encoding; null = none is acceptable. Has to say
   * the same for the same arguments for as long as the app's settings stay as they are.
   */
  choose(acceptEncoding: string | undefined, offered: readonly string[], route: string): string | null
  /** Best effort for storage, off the event loop, bounded; rejects when aborted. */
  encode(body: Buffer, coding: string, mediaType: string, signal: AbortSignal): Promise<Buffer>
  /**
   * Whether a client rules out what an origin has encoded, by its Content-Encoding, and would take plain bytes; the same for
   * the same arguments, as above. Without it what came encoded is kept in that form alone.
   */
  needsPlain?(acceptEncoding: string | undefined, contentEncoding: string, route: string): boolean
  /** `coding` may be any that `needsPlain` knows. Rejects where the body is damaged or becomes longer than `maxBytes`. */
  decode(body: Buffer, coding: string, maxBytes: number): Promise<Buffer>
}
