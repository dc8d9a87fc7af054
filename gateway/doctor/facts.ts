/** All that was seen around one route: what the judges go by. Gathered by `gather/`, judged by `judges/`. */
import type { RouteConfig } from '../config/types.ts'
import type { KnownApp } from './known-apps.ts'
import type { Page } from './page.ts'
import type { Door, Origin } from './places.ts'
import type { CertificateFacts } from './probes/certificate.ts'
import type { StreamSeen, TalkSeen } from './probes/talks.ts'
import type { Answer, Fields, Seen } from './seen.ts'

export interface RouteFacts {
  readonly route: RouteConfig
  /** The machine's own clock, milliseconds since 1970. */
  readonly nowMs: number
  readonly known: KnownApp | null
  readonly origins: readonly OriginFacts[]
  /** Null = no listener. */
  readonly door: Door | null
  readonly expected: Expected | null
  /** Null = no origin answers. */
  readonly around: AroundFacts | null
  /** The same at paths where the app is known to look closer at who asks. */
  readonly strict: readonly Trial[]
  /** Null = it was not tried, since no origin answers. */
  readonly through: Visit | null
  /** What the front page shows; null = it shows none. */
  readonly page: Page | null
  readonly mount: MountFacts
  readonly assets: AssetFacts
  readonly upgrades: readonly Pair<TalkSeen>[]
  readonly streams: readonly Pair<StreamSeen>[]
  readonly upload: Pair<TalkSeen> | null
  readonly ranges: Pair<Seen> | null
  readonly webdav: Pair<Seen> | null
  /** Of the gateway, one for each name of the route. */
  readonly certificates: readonly CertificateFacts[]
  /** Where the listeners get certificates from, beside files. */
  readonly issuers: Issuers
  /** Of the first https origin. */
  readonly originCertificate: CertificateFacts | null
}

/** Whether a listener of the gateway gets certificates by ACME, or from its own authority. */
export interface Issuers {
  readonly acme: boolean
  readonly localCa: boolean
}

export interface OriginFacts {
  readonly origin: Origin
  readonly seen: Seen
  /** An address that would do where this one does not, as `upstream` takes it; null = none was found. */
  readonly better: { readonly url: string; readonly why: string } | null
}

/** What the gateway says it does with a GET of the front page (`explain`). */
export interface Expected {
  /** Name of the route that answers; null = none. */
  readonly route: string | null
  readonly target: string
  readonly host: string
  /** The forwarding fields it sends, by name in lower case. */
  readonly forwarding: Fields
  /** Refused by the gateway itself with this status; null = it goes to an origin. */
  readonly refusal: { readonly status: number; readonly message: string } | null
}

/** The same thing asked for directly, each time told something else. */
export interface Trial {
  readonly target: string
  /** Called by the origin's own name, as by somebody on its machine. */
  readonly alone: Seen
  /** Called by the Host that the gateway sends. */
  readonly named: Seen
  /** The same with the gateway's forwarding fields: what the app sees of a visitor. */
  readonly forwarded: Seen
}

/** The front page. */
export interface AroundFacts extends Trial {
  /** Called by the public name, where the gateway sends another one. */
  readonly publicName: Seen | null
  /** Address that the app sees the gateway at, as far as it is known. */
  readonly gatewayAddress: string
}

/** A front page with the redirects on the way to it. */
export interface Visit {
  readonly hops: readonly { readonly status: number; readonly location: string; readonly answer: Answer }[]
  readonly last: Seen
  /** Absolute address of the last one. */
  readonly address: string
}

/** The front page without what the route does to its path; null = the route does nothing of the kind. */
export interface MountFacts {
  /** Asked for directly with the path that visitors use, where the route replaces it. */
  readonly unstripped: Seen | null
  /** Asked for directly at `/`, where the route keeps its path. */
  readonly stripped: Seen | null
}

export interface AssetFacts {
  /** Scripts and styles of the page that visitors do not get. */
  readonly broken: readonly { readonly url: string; readonly status: number }[]
  /** The largest of the first few; null = the page has none. */
  readonly largest: AssetSeen | null
}

export interface AssetSeen {
  /** Path and query for visitors. */
  readonly target: string
  /** Without encodings: from the app, and through the gateway. */
  readonly direct: Seen
  readonly plain: Seen
  /** As browsers ask for it: from the app, and through the gateway. */
  readonly directEncoded: Seen
  readonly encoded: Seen
}

/** The same thing asked of the app, and through the gateway. */
export interface Pair<T> {
  readonly target: string
  readonly direct: T
  /** Null = there was no need, since the app does not have it. */
  readonly through: T | null
}
