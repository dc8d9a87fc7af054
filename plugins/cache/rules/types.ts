/**
 * The words that all rules of the cache share: heads of requests and answers, what is kept of a stored answer, and the
 * settings of a route. Times are milliseconds since the epoch, header fields flat lists of name and value.
 */

/** What set the lifetime of an answer; `cdn-` for the targeted field (RFC 9213). */
export type FreshnessSource =
  | 'cdn-s-maxage'
  | 'cdn-max-age'
  | 's-maxage'
  | 'max-age'
  | 'expires'
  | 'invalid-expires'
  | 'heuristic'
  | 'route'
  | 'none'

/** A request as the cache sees it. */
export interface RequestHead {
  readonly method: string
  /** Name and port as sent upstream, normalised. */
  readonly host: string
  /** Exactly the target that is sent upstream, with its query. */
  readonly target: string
  /** How the client came. */
  readonly scheme: 'http' | 'https'
  /** Flat name, value, as received from the client without fields of the hop. */
  readonly headers: readonly string[]
}

/** The head of an origin's answer, without fields of the hop. */
export interface AnswerHead {
  readonly status: number
  readonly headers: readonly string[]
}

/** Positions of the first and the last byte, both included; `total` is null where the origin said `*`. */
export interface ByteSpan {
  readonly first: number
  readonly last: number
  readonly total: number | null
}

/** How long a stored answer is fresh and how old it was on arrival (RFC 9111 §4.2). */
export interface StoredFreshness {
  readonly lifetimeMs: number
  /** corrected_initial_age of RFC 9111 §4.2.3. */
  readonly initialAgeMs: number
  readonly source: FreshnessSource
}

/** What the origin allows once a stored answer is stale, or even before (RFC 9111 §5.2.2, RFC 5861). */
export interface ReuseLimits {
  /** no-cache: never used without asking the origin. */
  readonly alwaysRevalidate: boolean
  /** must-revalidate, proxy-revalidate or s-maxage: never used when stale. */
  readonly mustRevalidate: boolean
  /** What the origin said, null where it said nothing. */
  readonly staleWhileRevalidateMs: number | null
  readonly staleIfErrorMs: number | null
  /** public, must-revalidate or s-maxage: may answer a request with Authorization (RFC 9111 §3.5). */
  readonly isForAuthorized: boolean
}

/** All that a store keeps beside the body; plain JSON. */
export interface StoredHead {
  readonly status: number
  /** Flat, as the origin sent them, without Age and the fields that are never stored; Date is always there. */
  readonly headers: readonly string[]
  readonly method: string
  readonly requestTimeMs: number
  readonly responseTimeMs: number
  /** Bytes of the stored body; null while it is not known. */
  readonly bodyLength: number | null
  /** Lower-case names of the selecting fields, sorted. */
  readonly varyNames: readonly string[]
  /** Normalised value of each of them in the request that was answered; null where it was absent. */
  readonly varyValues: Readonly<Record<string, string | null>>
  /** Which part a stored 206 holds; null for a whole answer. */
  readonly isPartial: ByteSpan | null
  /** Surrogate-Key and Cache-Tag. */
  readonly tags: readonly string[]
  /** The origin's own entity tag, as sent. */
  readonly etag: string | null
  /** Last-Modified as sent, null where it is no date. */
  readonly lastModified: string | null
  readonly lastModifiedMs: number | null
  readonly dateMs: number
  readonly freshness: StoredFreshness
  readonly limits: ReuseLimits
}

/** What makes two requests of a route the same, beside scheme, host and target. */
export interface KeySettings {
  /** Query parameters that are no part of the key (a `*` at the end of a name matches any rest), or all of them. */
  readonly ignoreQuery?: readonly string[] | 'all'
  /** False: all hosts of the route share their answers. */
  readonly host?: boolean
  /** Request fields whose value is a part of the key. */
  readonly headers?: readonly string[]
  /** Cookies whose value is a part of the key. */
  readonly cookies?: readonly string[]
}

/** The cache settings of a route. */
export interface RouteCacheSettings {
  /** Share of the age since Last-Modified for which an answer without lifetime is fresh; null or 0: none. */
  readonly heuristicFreshness: number | null
  readonly maxObjectBytes: number
  /** Most variants (Vary) of one key. */
  readonly maxVariants: number
  /** Where the origin says nothing; 0: never. */
  readonly staleIfErrorMs: number
  /** Where the origin says nothing; null or 0: never. */
  readonly staleWhileRevalidateMs: number | null
  /** Store answers with `Vary: Cookie`, one variant a cookie value. */
  readonly storeCookieVary: boolean
  /** Keep the answer of a POST for GET where Content-Location and a lifetime say so (RFC 9110 §9.3.3). */
  readonly storePost: boolean
  /** Keep single-part 206 answers. */
  readonly storePartial: boolean
  /** Follow no-cache, max-age, min-fresh and max-stale of requests; false protects an origin from hard reloads. */
  readonly honourRequestDirectives: boolean
  readonly key: KeySettings
  /** Lifetime of an answer that says nothing of one, where the route knows that its content never changes; 0: none. */
  readonly unmarkedLifetimeMs?: number
}

/** The defaults: only what the origin allows in so many words. */
export const defaultCacheSettings: RouteCacheSettings = {
  heuristicFreshness: null,
  maxObjectBytes: 8 * 1024 * 1024,
  maxVariants: 16,
  staleIfErrorMs: 0,
  staleWhileRevalidateMs: null,
  storeCookieVary: false,
  storePost: false,
  storePartial: true,
  honourRequestDirectives: true,
  key: {},
}
