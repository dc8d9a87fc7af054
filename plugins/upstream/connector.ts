/**
 * Opens one transport connection to an origin: resolve, connect, TLS. Everything that goes wrong here is proven
 * unsent. Certificates are verified unless the configuration says otherwise (traps T13).
 */
import type { LookupAddress } from 'node:dns'
import net from 'node:net'
import tls from 'node:tls'
import { type FailureKind, upstreamFailure } from './errors.ts'
import type { Landing } from './h1/landing.ts'
import type { OriginAddress } from './origin-address.ts'
import type { Resolver } from './resolver.ts'

export interface TransportOptions {
  /** Bounds resolving, connecting and the TLS handshake together. */
  readonly connectTimeoutMs: number
  readonly tcpNodelay: boolean
  /** Offer HTTP/2 by ALPN on TLS. */
  readonly http2: boolean
  readonly tls: {
    readonly verify: boolean
    /** PEM text of the authority, null = the system's. */
    readonly ca: string | null
    /** Hex SHA-256 of the origin's certificate; it then replaces the check by authorities. */
    readonly pin: string | null
    readonly serverName: string | null
  }
}

export interface DialOptions {
  /** Offer HTTP/2 by ALPN on TLS; what the origin's options say. */
  readonly http2?: boolean
  /** Where the bytes of a plain socket go instead of its stream. */
  readonly landing?: Landing | null
}

export type Transport = net.Socket | tls.TLSSocket
type Done = (error: Error | null, socket: Transport | null) => void

/** First probe of a silent connection, so that a peer that vanished is noticed on idle WebSockets too. */
const TCP_KEEP_ALIVE_MS = 30_000

/** Dials one origin; keeps the TLS session so that later connections resume it. */
export class Connector {
  readonly #address: OriginAddress
  readonly #options: TransportOptions
  readonly #resolver: Resolver
  #session: Buffer | undefined

  constructor(address: OriginAddress, options: TransportOptions, resolver: Resolver) {
    this.#address = address
    this.#options = options
    this.#resolver = resolver
  }

  /** `done` is called exactly once: with a connected socket, or with an UpstreamFailure that is `unsent`. */
  open(done: Done, { http2 = this.#options.http2, landing = null }: DialOptions = {}): void {
    const attempt = new Opening(this.#options.connectTimeoutMs, done)
    const wanted = { http2, landing }
    if (!this.#address.isName) return this.#dial(attempt, null, wanted)
    this.#resolver.resolve(this.#address.host).then(
      addresses => this.#dial(attempt, addresses, wanted),
      error => attempt.fail('dns', error),
    )
  }

  #dial(attempt: Opening, addresses: LookupAddress[] | null, { http2, landing }: Required<DialOptions>): void {
    if (attempt.isOver) return
    const { protocol, socketPath, host, port } = this.#address
    const base = {
      ...(socketPath === null ? { host, port } : { path: socketPath }),
      noDelay: this.#options.tcpNodelay,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
      ...(addresses === null ? {} : { lookup: answerWith(addresses), autoSelectFamily: addresses.length > 1 }),
    } as net.NetConnectOpts
    if (protocol === 'https') this.#dialTls(attempt, base as tls.ConnectionOptions, http2)
    else attempt.watch(net.connect(landing === null ? base : { ...base, onread: landing.onread }), 'connect')
  }

  #dialTls(attempt: Opening, base: tls.ConnectionOptions, http2: boolean): void {
    const { verify, ca, pin, serverName } = this.#options.tls
    const name = serverName ?? this.#address.host
    const socket = tls.connect({
      ...base,
      ...(net.isIP(name) === 0 ? { servername: name } : {}),
      ...(ca === null ? {} : { ca }),
      // A resumed session shows no certificate to compare with a pin.
      ...(this.#session === undefined || pin !== null ? {} : { session: this.#session }),
      ALPNProtocols: http2 ? ['h2', 'http/1.1'] : ['http/1.1'],
      minVersion: 'TLSv1.2',
      rejectUnauthorized: verify && pin === null,
    })
    socket.on('session', session => {
      this.#session = session
    })
    attempt.watch(socket, 'secureConnect', pin === null ? null : () => hasPin(socket, pin))
  }

  /** The addresses of the origin now, null where there is nothing to resolve or the resolver has no answer. */
  currentAddresses(): Promise<LookupAddress[] | null> {
    if (!this.#address.isName) return Promise.resolve(null)
    return this.#resolver.resolve(this.#address.host).catch(() => null)
  }
}

/** One dial that is under way, with its deadline. */
class Opening {
  readonly #done: Done
  readonly #timer: NodeJS.Timeout
  #socket: Transport | null = null
  isOver = false

  constructor(timeoutMs: number, done: Done) {
    this.#done = done
    this.#timer = setTimeout(() => this.fail('connectTimeout'), timeoutMs)
  }

  watch(socket: Transport, event: 'connect' | 'secureConnect', accept: (() => boolean) | null = null): void {
    this.#socket = socket
    // Stays for the whole life of the socket: an error without a listener would end the process.
    socket.on('error', error => this.fail(kindOfConnectError(error), error))
    socket.once('close', () => this.fail('reset'))
    socket.once(event, () => {
      if (accept !== null && !accept()) this.fail('certificate', new Error('the certificate does not match the pin'))
      else this.#finish(null, socket)
    })
  }

  fail(kind: FailureKind, cause?: unknown): void {
    if (this.isOver) return
    this.#socket?.destroy()
    this.#finish(upstreamFailure(kind, true, cause), null)
  }

  #finish(error: Error | null, socket: Transport | null): void {
    if (this.isOver) return
    this.isOver = true
    clearTimeout(this.#timer)
    this.#done(error, socket)
  }
}

function answerWith(addresses: LookupAddress[]): net.LookupFunction {
  const [first] = addresses
  return (_name, options, done) => {
    if (options.all) done(null, addresses)
    else done(null, first?.address ?? '', first?.family)
  }
}

function hasPin(socket: tls.TLSSocket, pin: string): boolean {
  const fingerprint = socket.getPeerX509Certificate()?.fingerprint256 ?? ''
  return fingerprint.replaceAll(':', '').toLowerCase() === pin.replaceAll(':', '').toLowerCase()
}

const kindByCode: Readonly<Record<string, FailureKind>> = {
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  ECONNREFUSED: 'refused',
  ENOENT: 'refused',
  EACCES: 'refused',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  ETIMEDOUT: 'connectTimeout',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  EPROTO: 'tls',
}

const certificateCodes = ['CERT_', 'UNABLE_TO_', 'DEPTH_ZERO', 'SELF_SIGNED', 'ERR_TLS_CERT', 'HOSTNAME_MISMATCH']

/** The kind of a connect error; of several addresses the first that failed speaks for all. */
function kindOfConnectError(error: Error): FailureKind {
  const first = error instanceof AggregateError ? error.errors[0] : error
  const code = String((first as NodeJS.ErrnoException)?.code ?? '')
  if (certificateCodes.some(prefix => code.startsWith(prefix))) return 'certificate'
  return kindByCode[code] ?? (code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS') ? 'tls' : 'unreachable')
}
