/** A route as the gateway uses it, `defaults` and preset merged in; the rules of types.ts hold here as well. */
import type { Mode } from '../../plugins/tuner/index.ts'

export type BalanceRule = 'round_robin' | 'least_requests' | 'p2c' | 'hash_client' | 'hash_cookie'

export interface RouteConfig {
  readonly name: string
  readonly match: { readonly hosts: readonly string[]; readonly path: string }
  readonly deny: boolean
  /** Empty for a deny route. */
  readonly upstream: readonly OriginConfig[]
  /** How the origin is chosen. */
  readonly balance: BalanceRule
  /** What `hash_cookie` goes by. */
  readonly balanceCookie: string
  /** Replaces the matched prefix; null = the path goes up unchanged; '/' strips the prefix. */
  readonly rewritePath: string | null
  readonly preset: string | null
  readonly connectionPools: PoolsConfig
  readonly requestOptimization: RequestOptimizationConfig
  readonly protocol: ProtocolConfig
  readonly limits: RouteLimits
  readonly health: HealthConfig
  readonly headers: HeaderRulesConfig
  readonly tls: UpstreamTlsConfig
  /** False = off. */
  readonly cache: false | CacheConfig
  /** False = everybody may come in. */
  readonly access: false | AccessConfig
  /** False = requests are not counted. */
  readonly rateLimit: false | RateLimitConfig
  readonly securityHeaders: false | SecurityHeadersConfig
  readonly retry: false | RetryConfig
  readonly slo: SloConfig
  readonly webdav: WebdavConfig
  /** Paths below the route's own that the gateway answers with 301, and where to. */
  readonly redirects: Readonly<Record<string, string>>
  /** Parameters, and paths that end with `/`, whose values logs do not show. */
  readonly redact: readonly string[]
  /** True = answers say in Server-Timing where their time went. */
  readonly serverTiming: boolean
  /** False = no Strict-Transport-Security of the gateway's own. */
  readonly hsts: false | HstsConfig
  readonly compression: false | CompressionConfig
  readonly admission: false | AdmissionConfig
  readonly bandwidth: BandwidthConfig
  /** Takes part in batch calls. */
  readonly batch: boolean
  readonly tuner: TunerConfig
  /** With `--partial`: why this route answers 503. Null = sound. */
  readonly fault: string | null
}

export interface OriginConfig {
  /** `http:`, `https:`, `h2c:` or `unix:`; `builtin:demo` is replaced by its address at start. */
  readonly url: string
  readonly weight: number
}

export interface PoolsConfig {
  readonly maxSize: number
  readonly minSize: number
  readonly maxIdleMs: number
  readonly ttlMs: number
}

/** Most bytes per second of answers; null = no limit. */
export interface BandwidthConfig {
  readonly perClient: number | null
  readonly perRoute: number | null
}

/** Limit of requests at once at the origins of a route, and who waits how for a place. */
export interface AdmissionConfig {
  readonly maxConcurrency: number | 'auto' | 'none'
  readonly queue: number
  readonly queueTimeoutMs: number
  readonly queueOrder: 'fifo' | 'newest_first' | 'adaptive'
  /** Longest wait while overloaded. */
  readonly waitGoalMs: number
  readonly priority: 'interactive' | 'stream' | 'bulk'
}

/** What a route keeps in the cache (RFC 9111). Durations 0 = off. */
export interface CacheConfig {
  readonly maxObjectSize: number
  /** Share of the age since Last-Modified, 0 to 1; 0 = off. */
  readonly heuristicFreshness: number
  readonly staleWhileRevalidateMs: number
  readonly staleIfErrorMs: number
  readonly variants: number
  readonly etag: boolean
  readonly coalesce: boolean
  readonly followReleases: boolean
  readonly varyCookie: boolean
  readonly storePost: boolean
  readonly storePartial: boolean
  readonly honourRequest: boolean
  /** Path patterns below the route's own path. */
  readonly never: readonly string[]
  readonly immutable: readonly string[]
  readonly key: CacheKeyConfig
}

/** What is a part of the key beside scheme, host and target. */
export interface CacheKeyConfig {
  readonly headers: readonly string[]
  readonly cookies: readonly string[]
  /** Parameters that are left out; a `*` at the end stands for any rest. */
  readonly ignoreQuery: readonly string[] | 'all'
  readonly host: boolean
}

/** What the tuner may do on a route. With `mode: off` nothing else counts, and may be missing. */
export interface TunerConfig {
  readonly mode: Mode
  readonly policy?: 'measured' | 'rules'
  readonly intervalMs?: number
  /** Null = as the route. */
  readonly knobs?: Readonly<Record<string, Mode | null>>
}

/** Who may come in. Paths are patterns below the route's own path. */
export interface AccessConfig extends AddressConfig {
  readonly paths: Readonly<Record<string, AddressConfig>>
  readonly bypass: readonly string[]
  readonly basic: {
    readonly realm: string
    readonly users: Readonly<Record<string, string>>
    readonly userHeader: string | null
  } | null
  readonly forward: { readonly url: string; readonly headers: readonly string[]; readonly timeoutMs: number } | null
  readonly logins: { readonly paths: readonly string[]; readonly attempts: number; readonly perMs: number }
}

/** Addresses and CIDRs. */
export interface AddressConfig {
  readonly allow: readonly string[]
  readonly deny: readonly string[]
}

/** Fields for browsers, on answers that have none of their own. */
export interface SecurityHeadersConfig {
  readonly nosniff: boolean
  /** A token of Referrer Policy, or `off`. */
  readonly referrer: string
  /** A list of origins stands for them beside the app's own. */
  readonly frames: 'same_origin' | 'deny' | 'any' | readonly string[]
}

/** Requests that are answered in a time. */
export interface RateLimitConfig {
  readonly requests: number
  readonly perMs: number
  readonly by: 'client' | 'route'
}

/** Further attempts after a failure; their number is `request_optimization.retry_attempts`. */
export interface RetryConfig {
  readonly statuses: number[]
  readonly methods: string[]
  readonly tooManyRequests: boolean
  readonly idempotencyKey: boolean
  /** Most further attempts, as a share of the running requests. */
  readonly budget: number
  /** Ms until a second attempt beside a slow one. */
  readonly hedgeMs: 'off' | 'auto' | number
}

/** How fast the head of an answer should come. */
export interface SloConfig {
  readonly goodMs: number
  readonly badMs: number
}

/** Strict-Transport-Security (RFC 6797 §6.1). */
export interface HstsConfig {
  /** 0 = browsers forget about it. */
  readonly maxAgeMs: number
  readonly includeSubdomains: boolean
  readonly preload: boolean
}

export interface WebdavConfig {
  /** `rewrite` = Destination and If name the origin as it sees itself. */
  readonly destination: 'keep' | 'rewrite'
}

export interface CompressionConfig {
  readonly minSize: number
  readonly algorithms: readonly ('zstd' | 'brotli' | 'gzip')[]
  /** Ceilings of effort, 0 to 9. */
  readonly levelMap: Readonly<Record<'text' | 'image' | 'video' | 'default', number>>
  /** Media types beside the known ones, lower-case. */
  readonly types: readonly string[]
  readonly requests: {
    readonly decode: boolean
    /** Bytes once decoded; null = no limit. */
    readonly maxSize: number | null
    readonly maxRatio: number
    readonly encode: 'off' | 'advertised' | readonly ('zstd' | 'brotli' | 'gzip')[]
  }
}

export interface RequestOptimizationConfig {
  readonly batchSize: number
  readonly maxConcurrent: number
  readonly timeoutMs: number
  readonly retryAttempts: number
}

export interface ProtocolConfig {
  readonly http2Enabled: boolean
  readonly tcpNodelay: boolean
  readonly keepAlive: boolean
  readonly websocketEnabled: boolean
  /** Who speaks HTTP/1.1 to origins: our own connection or undici's. */
  readonly client: 'native' | 'undici'
}

export interface RouteLimits {
  /** Null = no limit. */
  readonly bodySize: number | null
  readonly connectTimeoutMs: number
  /** Already merged with `request_optimization.timeout`. */
  readonly responseTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly websocketIdleMs: number | null
}

export interface HealthConfig {
  readonly ejectTimeMs: number
  readonly holdMs: number
  readonly probe: { readonly path: string; readonly intervalMs: number; readonly status: number | null } | null
}

/** What a route adds to or takes from heads, after the gateway's own rules. Names as written. */
export interface HeaderRulesConfig {
  /** `preserve` (default) sends the client's Host, `upstream` the origin's own name, else the text itself. */
  readonly host: string
  /** Whether addresses in Location and Refresh that only the app knows are told as the client knows them. */
  readonly location: 'public' | 'keep'
  /** Whether a Path of cookies that only the app knows is told so too. */
  readonly cookiePath: 'public' | 'keep'
  readonly request: { readonly set: Readonly<Record<string, string>>; readonly remove: readonly string[] }
  readonly response: { readonly set: Readonly<Record<string, string>>; readonly remove: readonly string[] }
}

export interface UpstreamTlsConfig {
  /** False only with a loud warning. */
  readonly verify: boolean
  /** PEM file of the authority that signed the origin's certificate, absolute; null = the system's. */
  readonly ca: string | null
  /** Hex SHA-256 of the origin's certificate; null = no pin. */
  readonly pin: string | null
  /** SNI and name to check; null = the origin's host name. */
  readonly serverName: string | null
}
