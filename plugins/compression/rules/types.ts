/**
 * The words that all rules of the plugin share.
 */

/** A content coding that the plugin makes, by its name on the wire. */
export type Coding = 'zstd' | 'br' | 'gzip'

/** One that it reads, from origins and clients. */
export type Decodable = Coding | 'deflate'

const decodable: ReadonlySet<string> = new Set(['zstd', 'br', 'gzip', 'deflate'])
/** Longest chain of codings over one body; more of them is the shape of a bomb, and nobody else's. */
const MAX_CHAIN = 2

export const allCodings: readonly Coding[] = ['zstd', 'br', 'gzip']

/**
 * The codings that a body has by its Content-Encoding, in the order in which they were applied (RFC 9110 §8.4): `identity`
 * and empty members are none, `x-gzip` is gzip (§8.4.1.3).
 */
export function codingsOf(contentEncoding: string | null): readonly string[] {
  if (contentEncoding === null) return []
  return contentEncoding
    .split(',')
    .map(member => member.trim().toLowerCase())
    .filter(member => member !== '' && member !== 'identity')
    .map(member => (member === 'x-gzip' ? 'gzip' : member))
}

/** Null: no decoder for one of them, or too many. */
export function asDecodable(codings: readonly string[]): readonly Decodable[] | null {
  if (codings.length === 0 || codings.length > MAX_CHAIN) return null
  return codings.every(coding => decodable.has(coding)) ? (codings as readonly Decodable[]) : null
}

/** The word for them in numbers and notes. */
export function nameOfCodings(codings: readonly Decodable[]): Decodable | 'chain' {
  return codings.length === 1 ? (codings[0] as Decodable) : 'chain'
}

/** What kind of content an answer has, as far as effort is decided by it. */
export type ContentClass = 'text' | 'image' | 'video' | 'default'

export const contentClasses: readonly ContentClass[] = ['text', 'image', 'video', 'default']

/** Ceiling of effort for each class on a scale of 0 (leave alone) to 9 (all that a coding can do). */
export type LevelMap = Readonly<Record<ContentClass, number>>

/** What is done to the bodies of requests on one route. */
export interface RequestRules {
  /** The app reads no coding: bodies that have one are decoded in front of it. */
  readonly decode: boolean
  /** Most bytes of a decoded body, 413 above; null = no limit. */
  readonly maxBytes: number | null
  /** Most bytes for each byte of the coded body, 413 above. */
  readonly maxRatio: number
  /** Encoded for apps that ask for it by Accept-Encoding in their answers, or with these codings without being asked. */
  readonly encode: 'off' | 'advertised' | readonly Coding[]
}

/** What holds on one route. */
export interface RouteCompression {
  /** Name of the route, for signals and messages. */
  readonly route: string
  /** Smallest body worth encoding, in bytes. */
  readonly minSize: number
  /** Codings on offer, the best first; the order breaks ties. */
  readonly codings: readonly Coding[]
  readonly levelMap: LevelMap
  /** Media types that are encoded beside the known ones, lower-case, `image/*` for all of a kind. */
  readonly types: readonly string[]
  readonly requests: RequestRules
}

/** Why an answer leaves as it came. */
export type SkipReason =
  | 'off'
  | 'method'
  | 'status'
  | 'origin-encoded'
  | 'no-transform'
  | 'range'
  | 'trailers'
  | 'no-type'
  | 'type'
  | 'compressed-type'
  | 'event-stream'
  | 'unbuffered'
  | 'level'
  | 'small'
  | 'not-accepted'
  | 'no-gain'
  | 'payload'
  /** The cache has encoded it before. */
  | 'stored-form'
  /** It came encoded and leaves plain. */
  | 'decoded'
