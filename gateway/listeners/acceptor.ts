/**
 * One listening address: takes TCP connections, asks the book whether they may stay, does TLS where it is configured,
 * and hands each connection to the HTTP/1.1 or the HTTP/2 server (RFC 7301).
 */
import { createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls'
import { addressOf, inBrackets } from '../config/local-address.ts'
import { answerChecks } from './acme-tls.ts'
import { CertificateStore } from './certificates.ts'
import { rawAnswer } from './client-error.ts'
import type { Connection, Entrance } from './connection.ts'
import type { ConnectionBook } from './connection-book.ts'
import { listenError } from './errors.ts'
import type { CertificateValidity, ListenerAddress, ListenerHandlers, SocketConfig } from './types.ts'

const HANDSHAKE_MS = 10_000
const TCP_KEEP_ALIVE_MS = 60_000
const READ_BYTES = 65_536
const BACKLOG = 1_024

const plainText = 'This port speaks https. Ask with https:// in front of the address.\n'
const PLAIN_ON_TLS = rawAnswer(400, 'Content-Type: text/plain\r\n', plainText)

/** What all acceptors share. */
export interface Reception {
  readonly book: ConnectionBook
  readonly handlers: ListenerHandlers
  /** Give an accepted connection to the protocol server. */
  speak1(socket: Socket): void
  speak2(socket: Socket): void
  /** A connection has closed. */
  onClosed(): void
}

export class Acceptor implements Entrance {
  readonly host: string
  /** As configured: 0 = any free one. */
  readonly configuredPort: number
  draining = false
  readonly #reception: Reception
  readonly #tcp: TcpServer
  /** By the addresses of both ends, until the handshake is done. */
  readonly #handshakes = new Map<string, Connection>()
  #certificates: CertificateStore | null = null
  /** Folder of the certificates for checks of names; null = there are none. */
  #checks: string | null = null
  #tls: TlsServer | null = null

  constructor(config: SocketConfig, reception: Reception) {
    this.host = config.host
    this.configuredPort = config.port
    this.#reception = reception
    this.#tcp = createTcpServer({
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
      highWaterMark: READ_BYTES,
    })
    this.#tcp.on('connection', raw => this.#accept(raw))
  }

  get secure(): boolean {
    return this.#tls !== null
  }

  get address(): ListenerAddress {
    const address = this.#tcp.address()
    const port = address !== null && typeof address === 'object' ? address.port : this.configuredPort
    return {
      url: `${this.secure ? 'https' : 'http'}://${inBrackets(this.host)}:${port}`,
      host: this.host,
      port,
      tls: this.secure,
    }
  }

  /** Throws `HG_LISTEN`. Set the certificates before. */
  listen(): Promise<void> {
    const { host, configuredPort: port } = this
    return new Promise((resolve, reject) => {
      const fail = (cause: Error) => reject(listenError('listen', addressOf({ host, port }), cause))
      this.#tcp.once('error', fail)
      this.#tcp.listen({ host, port, backlog: BACKLOG }, () => {
        this.#tcp.off('error', fail)
        this.#tcp.on('error', error => this.#reception.handlers.log.error({ err: error, host, port }, 'listener error'))
        resolve()
      })
    })
  }

  get certificates(): readonly CertificateValidity[] {
    return this.#certificates?.validities ?? []
  }

  /** For the connections to come; null = plain HTTP. Closes the store before. */
  useCertificates(certificates: CertificateStore | null, checks: string | null = null): void {
    this.#checks = checks
    this.#certificates?.close()
    this.#certificates = certificates
    this.#tls = certificates === null ? null : this.#createTls(certificates)
    const tls = this.#tls
    certificates?.onChange(({ default: { cert, key } }) => tls?.setSecureContext({ cert, key, minVersion: 'TLSv1.2' }))
  }

  /** The listening socket closes at once, its connections live on. */
  stop(): void {
    this.draining = true
    this.#tcp.close()
    this.#certificates?.close()
  }

  #createTls(certificates: CertificateStore): TlsServer {
    const { cert, key } = certificates.default
    const server = createTlsServer({
      cert,
      key,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout: HANDSHAKE_MS,
      SNICallback: (name, done) => done(null, certificates.choose(name).context),
    })
    server.on('secureConnection', socket => this.#secured(socket))
    server.on('tlsClientError', (error, socket) => {
      this.#reception.handlers.onClientError?.('tls')
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ERR_SSL_HTTP_REQUEST') this.#sayItIsTls(socket)
      socket.destroy()
    })
    return server
  }

  /** Somebody asks in plain HTTP, as who types the port without https:// does. What was asked cannot be read any more. */
  #sayItIsTls(socket: TLSSocket): void {
    const connection = this.#handshakes.get(endsOf(socket))
    const { raw } = connection ?? {}
    if (raw?.writable === true) raw.write(PLAIN_ON_TLS)
  }

  #accept(raw: Socket): void {
    raw.on('error', () => {})
    if (raw.remoteAddress === undefined) return void raw.destroy()
    const { book, handlers } = this.#reception
    const admission = book.admit(raw, this)
    if (!admission.admit) {
      handlers.onClientError?.(admission.reason)
      return void raw.destroy()
    }
    const { connection } = admission
    const ends = endsOf(raw)
    raw.on('close', () => {
      if (this.#handshakes.get(ends) === connection) this.#handshakes.delete(ends)
      book.remove(connection)
      this.#reception.onClosed()
    })
    if (this.#tls === null) return this.#reception.speak1(raw)
    this.#handshakes.set(ends, connection)
    if (this.#checks === null) return void this.#tls.emit('connection', raw)
    // A reload may take TLS away while the first bytes are on their way.
    answerChecks(raw, this.#checks, () => (this.#tls === null ? raw.destroy() : this.#tls.emit('connection', raw)))
  }

  /** The head timeout starts anew: the handshake had a time of its own. */
  #secured(socket: TLSSocket): void {
    const ends = endsOf(socket)
    const connection = this.#handshakes.get(ends)
    socket.on('error', () => {})
    if (connection === undefined || connection.list === null) return void socket.destroy()
    this.#handshakes.delete(ends)
    connection.adopt(socket)
    this.#reception.book.startFresh(connection)
    if (socket.alpnProtocol === 'h2') {
      socket.allowHalfOpen = false
      this.#reception.speak2(socket)
    } else {
      this.#reception.speak1(socket)
      readAsStream(socket)
    }
  }
}

/**
 * Node's parser takes bytes from the connection itself until there is a listener for 'data'. Where it is paused, since
 * requests come ahead of answers that wait for the client, each further TLS record of what had been read already is a parse
 * error to it; a stream keeps them for later.
 */
function readAsStream(socket: Socket): void {
  const listener = () => {}
  socket.on('data', listener).off('data', listener)
}

/** Node does not tell which TCP socket a TLS socket stands on; its two ends do. */
function endsOf(socket: Socket): string {
  return `${socket.remoteAddress}|${socket.remotePort}|${socket.localAddress}`
}

/** Opens what a configuration asks for; null for plain HTTP. Throws `HG_TLS`. */
export function openCertificates(config: SocketConfig, { handlers }: Reception): Promise<CertificateStore | null> {
  return config.tls === null ? Promise.resolve(null) : CertificateStore.open(config.tls, handlers.log)
}
