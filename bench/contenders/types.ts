/** The one shape of a contender: where it is found, and the processes and configurations that stand for it. */
import type { Command } from '../command.ts'
import type { Coding, StorePlace } from '../workloads.ts'

export type Availability =
  | { readonly available: true; readonly version: string }
  /** What is missing and the line that installs it. */
  | { readonly available: false; readonly reason: string }

export interface Setting {
  /** An empty folder of its own. */
  readonly directory: string
  /** The free loopback port to listen on. */
  readonly port: number
  readonly originPort: number
  /** Listen with TLS, HTTP/2 and HTTP/1.1 by ALPN; null = plain HTTP. */
  readonly tls: TlsFiles | null
}

export interface TlsFiles {
  /** PEM files of one self-signed certificate. */
  readonly certificate: string
  readonly key: string
}

export interface CacheSetting extends Setting {
  /** Where the workload wants stored answers to be held. */
  readonly place: StorePlace
}

export interface Launch {
  readonly command: Command
  /** Name within the folder to text, written before the start. */
  readonly files: ReadonlyMap<string, string>
}

/** One way to set a contender up: one worker or thread, access log off, connections to the origin kept. */
export interface ProxySetup {
  /** It can listen with TLS and HTTP/2. */
  readonly hasTls?: boolean
  /** What it stands for and how it is set up, for the notes under a table. */
  readonly about: string
  /** Pure. Only for an available contender. */
  launch(setting: Setting): Launch
}

/** The same with compression on: what somebody would write who wants these codings, and nothing else. */
export interface CodingSetup {
  readonly about: string
  readonly codings: readonly Coding[]
  /** Left out = it encodes only what it stores. */
  launch?(setting: Setting): Launch
  /** The same with its cache; left out = it has none. */
  launchCached?(setting: Setting): Launch
}

/** The same with a shared cache that holds what `bounds.ts` says. */
export interface CacheSetup {
  readonly about: string
  /** It takes no part in workloads whose answers are to be held elsewhere. */
  readonly places: readonly StorePlace[]
  launch(setting: CacheSetting): Launch
}

export interface Contender {
  readonly name: string
  find(): Availability
  /** For workloads without a cache; null = takes no part in them. */
  readonly proxy: ProxySetup | null
  /** For workloads with one; null = takes no part in them. */
  readonly cache: CacheSetup | null
  /** For workloads whose answers are encoded; left out = takes no part in them. */
  readonly coding?: CodingSetup
}
