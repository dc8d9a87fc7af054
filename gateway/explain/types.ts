/**
 * What `explain` says about one request, as plain data: the command, the admin API and the dashboard print the same
 * object. Secrets in addresses and header values are replaced already (demands H5); addresses of origins are not.
 */
import type { ExpectedEncoding } from '../../plugins/compression/index.ts'
import type { Mode, ToldKnob, TunerFacts } from '../../plugins/tuner/index.ts'
import type { PoolsConfig } from '../config/types.ts'

export interface ExplainRequest {
  /** As it is sent; methods compare with case (RFC 9110 §9.1). */
  readonly method: string
  /** `http(s)://host[:port]/path?query`, or without the scheme, which means http. Sent byte for byte. */
  readonly url: string
  /** Fields that the client sends beside Host; a Host here replaces that of the URL. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Address at the other end of the connection; 127.0.0.1 when left out. */
  readonly peer?: string
}

export interface Explanation {
  readonly method: string
  readonly url: string
  /** Who the gateway takes the client for. */
  readonly client: ClientView
  /** Normalised name that routing sees; empty where the request was malformed. */
  readonly host: string
  readonly path: string
  readonly query: string
  /** The forms of the path that routes and deny rules were compared with. */
  readonly readings: readonly string[]
  /** The route that decides, a deny rule too; null where none does. `reason` is the word of logs and metrics. */
  readonly route: { readonly name: string; readonly reason: string } | null
  /** What the gateway answers by itself; null where the request goes to an origin. */
  readonly refusal: Refusal | null
  /** Every route under each of its hosts, in the order of the file. */
  readonly considered: readonly ConsideredRoute[]
  /** What goes to the origin; null where nothing does. */
  readonly sent: Sent | null
  readonly decisions: Decisions | null
}

export interface ClientView {
  readonly peer: string
  readonly address: string
  readonly proto: 'http' | 'https'
  readonly host: string
  readonly port: number
  /** Whether what the peer says about the way of the request is believed. */
  readonly isPeerTrusted: boolean
}

export interface Refusal {
  readonly status: number
  /** Code in the answer; null where the parser refuses, whose answer has no body. */
  readonly code: string | null
  /** What the client reads. */
  readonly message: string
  /** What the client is not told; null where there is nothing more. */
  readonly detail: string | null
}

export interface ConsideredRoute {
  readonly route: string
  readonly host: string
  readonly path: string
  /** True for the one that decides. */
  readonly won: boolean
  /** What became of it, in words. */
  readonly verdict: string
}

export interface Sent {
  /** Request target, path and query. */
  readonly target: string
  readonly host: string
  /** Where it may go; which one is chosen for each request by `decisions.pool.balance`. */
  readonly origins: readonly { readonly url: string; readonly weight: number }[]
  readonly request: HeadChanges
  readonly answer: AnswerRules
}

export interface Field {
  readonly name: string
  readonly value: string
}

export interface AddedField extends Field {
  readonly why: string
}

export interface RemovedField {
  readonly name: string
  readonly why: string
}

/** `kept` and `added` together are the head that is sent, without the framing of the body. */
export interface HeadChanges {
  readonly kept: readonly Field[]
  readonly added: readonly AddedField[]
  readonly removed: readonly RemovedField[]
}

/** What the route's own rules do to the head of an answer. */
export interface AnswerRules {
  /** `why` where it is another rule than `headers.response.set`. */
  readonly set: readonly (Field & { readonly why?: string })[]
  /** Put where the app sends nothing of the same matter. */
  readonly fill: readonly Field[]
  readonly remove: readonly string[]
}

export interface Decisions {
  readonly pool: PoolDecision
  readonly limits: readonly Limit[]
  readonly retry: RetryDecision
  readonly cache: CacheDecision
  readonly compression: CompressionDecision
  readonly admission: AdmissionDecision
  readonly batch: BatchDecision
  readonly tuner: TunerDecision
  readonly websocket: { readonly allowed: boolean; readonly asked: boolean; readonly reason: string }
}

export interface PoolDecision extends PoolsConfig {
  readonly balance: 'round_robin' | 'least_requests' | 'p2c' | 'hash'
  readonly client: 'native' | 'undici'
  readonly http2: boolean
  readonly keepAlive: boolean
}

/** `value` null = no limit. */
export interface Limit {
  readonly name: string
  readonly value: number | null
  readonly unit: 'ms' | 'bytes' | 'bytes/s' | 'requests'
  readonly meaning: string
}

/** `resent`: when the gateway sends a request again without being told to. */
export interface RetryDecision extends BlockDecision {
  readonly resent: readonly string[]
}

/** How a request gets a place at the origins. */
export interface AdmissionDecision {
  readonly state: 'off' | 'on'
  readonly limit: string
  /** Routes to the same origins, by name: the limit is theirs too. */
  readonly sharedWith: readonly string[]
  /** Class of the route; null where there is no limit, as are the others. */
  readonly priority: string | null
  /** What the request says of itself, 0 (most urgent) to 7 (RFC 9218). */
  readonly urgency: number | null
  readonly queue: string | null
}

/** Whether requests of the route may come together in one call. */
export interface BatchDecision {
  readonly state: 'off' | 'on'
  /** Where calls are sent, with POST; null where they are off, as are the numbers. */
  readonly path: string | null
  readonly batchSize: number | null
  readonly maxConcurrent: number | null
  readonly reason: string
}

/** A block of the configuration and whether it has an effect. `configured` is false where it is switched off. */
export interface BlockDecision {
  readonly state: 'off' | 'on'
  readonly configured: false | Readonly<Record<string, unknown>>
}

/** A word of the rules, what it means, and the section or setting that says so. */
export interface RuledReason {
  readonly reason: string
  readonly text: string
  readonly source: string
}

/** What the cache does with the request; what depends on the answer stands as conditions. */
export interface CacheDecision {
  readonly state: 'off' | 'on'
  /** Whether the store is asked; null where the cache is off, as is `store`. */
  readonly lookup: (RuledReason & { readonly happens: boolean }) | null
  /** Parts of the key of the lookup, without secrets; empty where nothing is looked up. */
  readonly key: readonly CacheKeyPart[]
  /** Whether the answer may be stored: `reason` says why not, `unless` what an answer must not be. */
  readonly store: {
    readonly possible: boolean
    readonly reason: RuledReason | null
    readonly unless: readonly RuledReason[]
  } | null
  /** What of the request changes how a stored answer is used. */
  readonly notes: readonly RuledReason[]
  readonly settings: readonly CacheSetting[]
}

/** What a running tuner says, or the ledger that one has written. */
export interface TunerKnowledge extends TunerFacts {
  readonly source: 'running' | 'ledger'
  /** When that was, by ISO 8601; null = now. */
  readonly at: string | null
}

export interface TunerDecision {
  /** Of the route. */
  readonly mode: Mode
  /** Of single knobs, where the configuration says another. */
  readonly ownModes: Readonly<Record<string, Mode>>
  readonly policy: 'measured' | 'rules'
  readonly source: TunerKnowledge['source'] | 'nothing yet' | 'off'
  readonly at: string | null
  /** Empty where nothing is known. */
  readonly knobs: readonly ToldKnob[]
}

/** What would be made of the answer; its type and its length decide in the end. */
export interface CompressionDecision {
  readonly state: 'off' | 'on'
  /** Null where the answer would leave as it comes. */
  readonly coding: string | null
  readonly reason: string
  readonly text: string
  /** For a body of 100 KiB: bytes sent and CPU time in ms, by class of content. */
  readonly expected: readonly ExpectedEncoding[]
  /** What becomes of the body of the request; null where it has none, by its head, or compression is off. */
  readonly request: { readonly coding: string | null; readonly reason: string; readonly text: string } | null
}

export interface CacheKeyPart {
  readonly name: string
  readonly value: string
}

/** `name` and `value` as in the configuration: `key.host`, `8MiB`. */
export interface CacheSetting {
  readonly name: string
  readonly value: string
  readonly isDefault: boolean
}
