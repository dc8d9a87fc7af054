/**
 * The configuration as the gateway uses it: defaults filled in, durations in milliseconds, sizes in bytes, paths
 * absolute, `${ENV}` replaced. Made by `load.ts` from YAML; nothing after it knows YAML.
 */
import type { ContextMode } from '../trace-context.ts'
import type { RouteConfig } from './route-types.ts'

export type * from './route-types.ts'

/** Where something stands in a file, 1-based, and what is wrong there. */
export interface Problem {
  readonly file: string
  readonly line: number
  readonly column: number
  /** The route it belongs to, by name (or `#3` where the name is missing); null for the file at large. */
  readonly route: string | null
  /** What is wrong and what to write: `unknown key "timout", did you mean "timeout"`. */
  readonly message: string
}

export interface GatewayConfig {
  readonly file: string
  readonly listen: readonly ListenerConfig[]
  readonly admin: AdminConfig
  /** CIDRs or addresses whose X-Forwarded-* / Forwarded is believed. */
  readonly trustedProxies: readonly string[]
  readonly workers: number | 'auto'
  /** `memory`, `disk:` and an absolute folder, or an address of Redis. */
  readonly store: string
  readonly storeLimits: StoreLimits
  readonly redis: { readonly url: string } | null
  readonly stateDir: string
  /** Null = no certificates by ACME. */
  readonly acme: AcmeConfig | null
  /** Bytes per second of the line to the outside; null = not stated. */
  readonly uplink: number | null
  readonly log: LogConfig
  readonly tracing: TracingConfig
  readonly limits: GlobalLimits
  readonly routes: readonly RouteConfig[]
}

export interface ListenerConfig {
  readonly host: string
  readonly port: number
  /** Null = plain HTTP. Several certificates: chosen by SNI, the first is the default. */
  readonly tls: readonly (CertificateConfig | IssuedConfig)[] | null
  /** Clients are sent to https: to the port of the first TLS listener, or to this one. Left out = served here. */
  readonly redirect?: 'https' | number
}

/** PEM files, absolute paths. */
export interface CertificateConfig {
  readonly cert: string
  readonly key: string
}

/** Certificates that the gateway gets itself, of its own authority or of one that speaks ACME. */
export interface IssuedConfig {
  readonly localCa?: boolean
  readonly acme?: boolean
  /** Names and addresses, IPv6 in brackets; left out = the hosts of the routes. */
  readonly hosts?: readonly string[]
}

/** An account at an authority that speaks ACME (RFC 8555). */
export interface AcmeConfig {
  readonly email: string
  /** The terms of service are accepted. */
  readonly agree: boolean
  /** Address of the directory. */
  readonly directory: string
  /** PEM file of the authority behind the directory's own certificate; null = the system's. */
  readonly ca: string | null
  readonly challenge: 'http-01' | 'tls-alpn-01' | 'dns-01'
  /** Command and its first arguments; empty without DNS-01. */
  readonly dnsHook: readonly string[]
  /** Time that a record gets to be seen everywhere. */
  readonly dnsWaitMs: number
  /** Of the customer's account that the authority wants the other one bound to; null = it asks for none. */
  readonly eab: { readonly keyId: string; readonly hmacFile: string } | null
}

export interface AdminConfig {
  readonly host: string
  readonly port: number
  /** Null only where `host` is a loopback address. */
  readonly token: string | null
  /** Further names that the Host header of the admin listener may have. */
  readonly hosts: readonly string[]
}

export interface LogConfig {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'
  readonly access: 'json' | 'combined' | 'none'
  /** Share of requests that are logged, 0 to 1; errors are always logged. */
  readonly sample: number
}

export interface TracingConfig {
  /** What becomes of `traceparent` and `tracestate`. */
  readonly context: ContextMode
  /** Spans for OpenTelemetry; read at the start only. */
  readonly spans: boolean
}

/** Limits of the client's side (security.md). Milliseconds, bytes, counts. */
export interface GlobalLimits {
  readonly headerSize: number
  readonly headerLines: number
  readonly headerTimeoutMs: number
  readonly bodyIdleMs: number
  readonly writeIdleMs: number
  readonly keepAliveMs: number
  readonly connections: number
  readonly connectionsPerAddress: number
}

/** Bounds of the store of the cache, in bytes. */
export interface StoreLimits {
  readonly size: number
  /** Memory in front of a disk or of Redis, 0 = none; with `store: memory` the smaller of the two is its size. */
  readonly memory: number
}
