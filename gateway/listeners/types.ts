/** What the rest of the gateway gives the listeners and gets from them. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { CertificateConfig, GlobalLimits } from '../config/types.ts'

/** A pair of PEM files, which may be one file. `optional`: it may be missing now and come later. */
export interface CertificateFiles extends CertificateConfig {
  readonly optional?: boolean
}

/** A listener as it is opened: every certificate is a file by now. */
export interface SocketConfig {
  readonly host: string
  readonly port: number
  /** Null = plain HTTP. */
  readonly tls: readonly CertificateFiles[] | null
  /** Folder of the certificates that answer TLS-ALPN-01 (RFC 8737); left out = nobody asks. */
  readonly checks?: string
}

export interface ListenerHandlers {
  /** Gets every admitted request; over HTTP/2 the two are Node's compatibility objects. */
  request(req: IncomingMessage, res: ServerResponse): void
  /** Gets the socket of an admitted upgrade; it owns it from then on. Node has removed its own listeners. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void
  /** False = an `Upgrade` field is ignored and the request goes the ordinary way. */
  isUpgrade(req: IncomingMessage): boolean
  /** Trusted proxies do not count towards the connections of one address. */
  isTrustedProxy(address: string): boolean
  readonly log: ListenerLog
  /** For a counter: a connection or a request was turned away here, and why. */
  onClientError?(kind: ClientErrorKind): void
  /** For a log: a request whose head can be read was answered here. */
  onRefused?(req: IncomingMessage, refused: RefusedRequest): void
}

export interface RefusedRequest {
  readonly requestId: string
  readonly status: number
  /** Body bytes of the answer. */
  readonly bytesOut: number
}

/** The part of a pino logger that is used. */
export interface ListenerLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export type ClientErrorKind =
  | 'malformed'
  | 'refused-head'
  | 'head-too-large'
  | 'target-too-long'
  | 'head-timeout'
  | 'reset'
  | 'tls'
  | 'connections'
  | 'connections-per-address'
  | 'write-stalled'
  | 'flood'

export interface ListenerAddress {
  /** `https://192.0.2.1:8443`, with the real port. */
  readonly url: string
  readonly host: string
  readonly port: number
  readonly tls: boolean
}

/** How long a certificate is good for. */
export interface CertificateValidity {
  readonly name: string
  /** In ms since 1970. */
  readonly notAfterMs: number
}

export interface Listeners {
  readonly addresses: readonly ListenerAddress[]
  /** Of the certificates in use, of all listeners. */
  readonly certificates: readonly CertificateValidity[]
  /** Open connections, those in the TLS handshake included. */
  readonly connections: number
  /**
   * Reload: an unchanged host and port stay open (certificates and limits are swapped), new ones are opened first,
   * removed ones stop accepting and let their requests end. If a new one cannot be opened or a certificate cannot be
   * used, nothing changes and it throws (`HG_LISTEN`, `HG_TLS`).
   */
  update(listeners: readonly SocketConfig[], limits: GlobalLimits): Promise<void>
  /** Closes the listening sockets; from now on HTTP/1.1 answers say `Connection: close`, HTTP/2 gets GOAWAY. */
  stopAccepting(): void
  /** Closes connections on which no request is under way. */
  closeIdle(): void
  /** Both of the above, then waits for the rest at most `graceMs` and destroys what is left. */
  close(graceMs: number): Promise<void>
}
