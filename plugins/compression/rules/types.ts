/**
 * The words that all rules of the plugin share.
 */

/** A content coding that the plugin makes, by its name on the wire. */
export type Coding = 'zstd' | 'br' | 'gzip'

export const allCodings: readonly Coding[] = ['zstd', 'br', 'gzip']

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
  /** It came encoded and leaves plain. */
  | 'decoded'
